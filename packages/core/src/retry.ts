import pRetry from 'p-retry'
import * as z from 'zod/mini'
import type { Budget } from './budget.ts'
import type { Clock } from './clock.ts'
import { NoTimeLeftError } from './errors.ts'
import { amount, callback, milliseconds, timeout, validate } from './validate.ts'

/** How often, and when, something is tried again. */
export interface RetryOptions {
  /** How often it is tried again, after the first time (default 2). */
  retries?: number
  /** Milliseconds that an attempt takes at least: with less left, none begins (default 1). */
  minMs?: number
  /** Milliseconds that an attempt may take at most (default: all that is left). */
  attemptMs?: number | false
  /** Milliseconds to wait before the second attempt (default 50); before each further one it is twice as long. */
  delayMs?: number
  /** Milliseconds to wait at most (default 1000). */
  maxDelayMs?: number
  /** Whether it is worth another attempt (default: always). */
  shouldRetry?: (error: unknown) => boolean
}

const schema = z.strictObject({
  retries: z.optional(amount('times')),
  minMs: z.optional(milliseconds),
  attemptMs: z.optional(timeout),
  delayMs: z.optional(milliseconds),
  maxDelayMs: z.optional(milliseconds),
  shouldRetry: z.optional(callback),
})

/**
 * Tries again, as long as there is time: within the scope of a request, or a step of it. Each attempt is a step of its
 * own, with its signal and deadline. Before the next one it waits, for a random time between half of the delay and all of
 * it, so that callers that failed together do not come back together. An attempt that could not finish (`minMs` and the
 * wait are more than what is left) does not begin, and the end of the request cuts a wait off.
 *
 * It rejects with what the last attempt threw. A `TypeError` that is no network error is taken for a bug, and not tried
 * again, nor is anything that was thrown and is no Error. Needs the package `p-retry`.
 *
 * @throws {InvalidOptionError} for an option that is unknown or has a value that it cannot have
 * @throws {NoTimeLeftError} when not even the first attempt may begin; the signal's reason when it is aborted already
 *
 * @example
 * ```ts
 * import { retry } from '@curfew/core/retry'
 *
 * const users = await retry(scopeOf(request), async ({ fetch }) => {
 *   const response = await fetch('http://127.0.0.1:8080/users')
 *   if (response.status >= 500) throw new Error(`Users: ${response.status}`)
 *   return response.json()
 * }, { retries: 3, attemptMs: 500, minMs: 20 })
 * ```
 */
export async function retry<T>(
  budget: Budget,
  work: (attempt: Budget, number: number) => T | PromiseLike<T>,
  options: RetryOptions = {},
): Promise<T> {
  const { retries = 2, minMs = 1, attemptMs = false, ...given } = validate(schema, options)
  const { delayMs = 50, maxDelayMs = 1_000, shouldRetry = () => true } = given
  const { clock, deadline, signal } = budget
  let last: { readonly error: unknown } | undefined

  const remainingMs = deadline.remainingMs()
  if (!signal.aborted && remainingMs < minMs) throw new NoTimeLeftError(remainingMs, minMs)

  async function attempt(number: number): Promise<T> {
    try {
      return await budget.step({ maxMs: attemptMs }, (step) => work(step, number))
    } catch (error) {
      last = { error }
      throw error
    }
  }

  async function worthAnother({ attemptNumber }: { attemptNumber: number }): Promise<boolean> {
    if (signal.aborted || !shouldRetry(last?.error)) return false
    const longest = Math.min(delayMs * 2 ** (attemptNumber - 1), maxDelayMs)
    const waitMs = longest * (0.5 + Math.random() / 2)
    return deadline.remainingMs() - waitMs >= minMs && pause(clock, waitMs, signal)
  }

  try {
    // The wait is ours: it goes by the guard's clock, and is known before it is decided whether it is worth it.
    return await pRetry(attempt, { retries, minTimeout: 0, shouldRetry: worthAnother })
  } catch (error) {
    // What was thrown, rather than what becomes of it on the way when it is no Error.
    throw last && !(last.error instanceof Error) ? last.error : error
  }
}

/** Whether the time has passed, and not the signal cut it off. */
function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const end = (): void => {
      clock.clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve(!signal.aborted)
    }
    const timer = clock.setTimeout(end, Math.ceil(ms))
    signal.addEventListener('abort', end)
  })
}
