import type { Clock } from './clock.ts'

/**
 * Where a request says at which instant it came to a proxy in front: a header such as `x-request-start`, in seconds,
 * milli-, micro- or nanoseconds since the epoch, with or without `t=` before it and a fraction after it; or a function
 * that gives milliseconds since the epoch (`undefined` for a request that does not say).
 */
export type ReceivedAt = string | ((request: Request) => number | undefined)

/** Milliseconds that a request has waited before it came here; 0 where it says nothing, or nothing plausible. */
export type QueueReader = (request: Request, implausible: () => void) => number

/** Two clocks may differ by so much, in milliseconds: what a proxy received that soon from now, it received now. */
const SKEW_MS = 1_000

/**
 * The longest that a request is believed to have waited, in milliseconds. A clock that is wrong by more than that would
 * otherwise have every request rejected as expired.
 */
const PLAUSIBLE_MS = 60_000

const token = /^[\w!#$%&'*+.^`|~-]+$/

export function isReceivedAt(value: unknown): boolean {
  return typeof value === 'function' || (typeof value === 'string' && token.test(value))
}

/** The way to read what {@link ReceivedAt} names, by the clock that `clock` is set by. */
export function queueReader(receivedAt: ReceivedAt, clock: Clock): QueueReader {
  const read = typeof receivedAt === 'function' ? fromFunction(receivedAt) : fromHeader(receivedAt)
  const epochNow = clock.epochNow ? () => clock.epochNow!() : Date.now
  return (request, implausible) => {
    const instant = read(request)
    if (instant === undefined) return 0
    const queuedMs = epochNow() - instant
    if (queuedMs >= -SKEW_MS && queuedMs <= PLAUSIBLE_MS) return Math.max(queuedMs, 0)
    // Also what is no number at all.
    implausible()
    return 0
  }
}

const pattern = /^(?:t=)?(\d{10,19})(\.\d{1,9})?$/

/**
 * The instant that a proxy noted, in milliseconds since the epoch; `NaN` for what is none. The number of digits tells
 * the unit, until the year 2286.
 */
export function parseReceivedAt(value: string): number {
  const [, digits, fraction = ''] = pattern.exec(value) ?? []
  const perMs = digits === undefined ? undefined : unitsPerMs[digits.length]
  if (perMs === undefined) return Number.NaN
  // Whole microseconds: a double has room for no more, and a thousandth of a second is not one in binary.
  return Math.round((Number(digits + fraction) / perMs) * 1_000) / 1_000
}

/** By how many digits an instant of our time has: seconds, milli-, micro- and nanoseconds. */
const unitsPerMs: Record<number, number> = { 10: 1e-3, 13: 1, 16: 1e3, 19: 1e6 }

function fromHeader(name: string): (request: Request) => number | undefined {
  return ({ headers }) => {
    const value = headers.get(name)
    return value === null ? undefined : parseReceivedAt(value)
  }
}

function fromFunction(
  read: (request: Request) => number | undefined,
): (request: Request) => number | undefined {
  return (request) => {
    try {
      const instant: unknown = read(request)
      return typeof instant === 'number' || instant === undefined ? instant : Number.NaN
    } catch {
      return Number.NaN
    }
  }
}
