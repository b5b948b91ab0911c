import { complainOf } from './complain.ts'
import { HookTimeoutError } from './errors.ts'
import { inTime } from './in-time.ts'
import { isThenable } from './is-thenable.ts'
import type { Policy } from './options.ts'

/** Keeps the runtime from dropping work that outlives the response. */
export interface Keeper {
  keepAlive(work: Promise<unknown>): void
}

/** How many asynchronous hooks may be at work at once. */
const MAX_PENDING = 1_000

/** How long one may be. */
const HOOK_MS = 10_000

/**
 * Calls a hook once the work at hand is done. Whatever it does changes nothing for any client: what it throws, or
 * rejects with, is counted, and goes to the console once a minute; one that takes longer than 10 s is counted as failed and waited
 * for no longer. While 1,000 are at work, further calls are dropped, and counted.
 */
export function notify<Args extends unknown[]>(
  policy: Told,
  keeper: Keeper,
  hook: (...args: Args) => unknown,
  ...args: Args
): void {
  const { counters } = policy
  if (counters.hooksPending >= MAX_PENDING) counters.hooksDropped++
  // Costs Node a third of what queueMicrotask() does.
  else void Promise.resolve().then(() => call(policy, keeper, hook, args))
}

type Told = Pick<Policy, 'counters' | 'clock'>

function call<Args extends unknown[]>(
  policy: Told,
  keeper: Keeper,
  hook: (...args: Args) => unknown,
  args: Args,
): void {
  try {
    const result = hook(...args)
    if (isThenable(result)) keeper.keepAlive(wait(policy, hook, result))
  } catch (error) {
    failed(policy, hook, error)
  }
}

async function wait(
  policy: Told,
  hook: { readonly name: string },
  result: PromiseLike<unknown>,
): Promise<void> {
  const { counters, clock } = policy
  counters.hooksPending++
  try {
    await inTime(clock, HOOK_MS, result, () => new HookTimeoutError(HOOK_MS))
  } catch (error) {
    failed(policy, hook, error)
  }
  counters.hooksPending--
}

function failed({ counters, clock }: Told, hook: { readonly name: string }, error: unknown): void {
  counters.hookFailures++
  complainOf(hook, hook.name || 'anonymous', clock, error)
}
