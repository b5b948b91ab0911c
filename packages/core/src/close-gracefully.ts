import { systemClock } from './clock.ts'
import { InvalidOptionError } from './errors.ts'
import { inTime } from './in-time.ts'
import type { Reporter } from './recording.ts'

/** How long requests may take to finish unless it is said, in milliseconds. */
export const DEFAULT_GRACE_MS = 10_000

/** How long the answers to those who were cut short may take to be written, in milliseconds. */
const FLUSH_MS = 1_000

/** How long the reports of what happened last may take, in milliseconds. */
const REPORTS_MS = 5_000

/** A server that has stopped to accept connections. */
export interface Closing {
  /** Resolves when its last connection has ended. */
  readonly ended: Promise<unknown>
  /** Answers for the handlers that have not answered. */
  shutDown(): void
  /** Ends every connection that there still is. */
  cutOff(): unknown
  readonly reporter?: Reporter | undefined
}

/**
 * Lets requests finish for `graceMs` milliseconds, then answers for those that have not, then cuts off what is left of
 * them. Resolves when the last connection has ended and the reporter, if there is one, has flushed (5 s at most).
 */
export async function closeGracefully(
  graceMs: number,
  { ended, shutDown, cutOff, reporter }: Closing,
): Promise<void> {
  try {
    if (await within(graceMs, ended)) return
    shutDown()
    if (await within(FLUSH_MS, ended)) return
    await cutOff()
    await ended
  } finally {
    await reporter?.flush({ timeoutMs: REPORTS_MS })
  }
}

/** What a server has as its `close()`: it stops once, however often it is asked to, by the grace of the first time. */
export function closeOnce(
  stop: (graceMs: number) => Promise<void>,
): (options?: { graceMs?: number }) => Promise<void> {
  let stopping: Promise<void> | undefined
  return ({ graceMs = DEFAULT_GRACE_MS } = {}) => {
    checkGraceMs(graceMs)
    stopping ??= stop(graceMs)
    return stopping
  }
}

/** @throws {InvalidOptionError} for what is no number of milliseconds */
export function checkGraceMs(graceMs: unknown): void {
  if (typeof graceMs !== 'number' || !(graceMs >= 0)) {
    throw new InvalidOptionError('graceMs', 'milliseconds, 0 or more, or Infinity', graceMs)
  }
}

/** Whether it settles in time. */
async function within(ms: number, work: Promise<unknown>): Promise<boolean> {
  const late = Symbol('late')
  try {
    await inTime(systemClock, ms, work, () => late)
    return true
  } catch (thrown) {
    if (thrown === late) return false
    throw thrown
  }
}
