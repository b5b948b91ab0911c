/**
 * Where a guard takes its time from. Give your own to test without sleeping; `ManualClock` of
 * `@curfew/core/testing` is one.
 */
export interface Clock {
  /** Milliseconds on a clock that never goes back. */
  now(): number
  /** Calls back once, after `ms` milliseconds (0 to 2^31-1). */
  setTimeout(callback: () => void, ms: number): unknown
  clearTimeout(timer: unknown): void
  /** Milliseconds since the epoch (default `Date.now`): only asked for where instants of other machines are told. */
  epochNow?(): number
}

/** What runtimes can wait for at most, in milliseconds: a longer timer fires at once. */
export const LONGEST_TIMER_MS: number = 2 ** 31 - 1

/** The runtime's own clock and timers. */
export const systemClock: Clock = {
  now: () => performance.now(),
  setTimeout: (callback, ms) => setTimeout(callback, ms),
  clearTimeout: (timer) => clearTimeout(timer as number),
}
