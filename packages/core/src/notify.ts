import { complain } from './complain.ts'
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
 * rejects with, is counted and goes to the console; one that takes longer than 10 s is counted as failed and waited
 * for no longer. While 1,000 are at work, further calls are dropped, and counted.
 */
export function notify<Args extends unknown[]>(
  { counters, clock }: Pick<Policy, 'counters' | 'clock'>,
  keeper: Keeper,
  hook: (...args: Args) => unknown,
  ...args: Args
): void {
  if (counters.hooksPending >= MAX_PENDING) {
    counters.hooksDropped++
    return
  }

  queueMicrotask(() => {
    try {
      const result = hook(...args)
      if (isThenable(result)) keeper.keepAlive(wait(result))
    } catch (error) {
      failed(error)
    }
  })

  async function wait(result: PromiseLike<unknown>): Promise<void> {
    counters.hooksPending++
    try {
      await inTime(clock, HOOK_MS, result, () => new HookTimeoutError(HOOK_MS))
    } catch (error) {
      failed(error)
    }
    counters.hooksPending--
  }

  function failed(error: unknown): void {
    counters.hookFailures++
    complain(`Curfew hook failed: ${hook.name || 'anonymous'}`, error)
  }
}
