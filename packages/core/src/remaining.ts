import * as z from 'zod/mini'
import type { Clock } from './clock.ts'
import { type DeadlineHeader, deadlineFormats, listOfHeaders } from './deadline-header.ts'
import { InvalidOptionError } from './errors.ts'
import type { Outbound } from './outbound.ts'
import { isMilliseconds, millisecondsWords, timeout, toLimit, validate } from './validate.ts'

export interface DeadlineHeadersOptions {
  /** Milliseconds to keep back, for what is to be done with the answer (default: the guard's `outbound.reserveMs`). */
  reserveMs?: number
}

/** How much of the time that is left a step of the work may take: the shorter, if both are given. */
export interface StepLimits {
  /** A share of what is left when the step begins: more than 0, at most 1. */
  share?: number
  /** Milliseconds from when the step begins; `false` for no limit but the time that there is. */
  maxMs?: number | false
}

const stepLimits = z.strictObject({
  share: z.optional(
    z.custom<number>(
      (value) => typeof value === 'number' && value > 0 && value <= 1,
      'a number above 0, and at most 1',
    ),
  ),
  maxMs: z.optional(timeout),
})

/** What other services are told, which an inner guard may change. */
interface Terms {
  readonly outbound: Outbound
}

/** The time that is left until an instant. */
export abstract class Remaining {
  protected readonly clock: Clock
  private readonly terms: Terms

  constructor(clock: Clock, terms: Terms) {
    this.clock = clock
    this.terms = terms
  }

  /** The instant itself, on the guard's clock; `Infinity` when there is none. */
  abstract get dueAt(): number

  /** Milliseconds until the deadline, 0 when it is past, `Infinity` when there is none. */
  remainingMs(): number {
    return Math.max(this.dueAt - this.clock.now(), 0)
  }

  /**
   * The remaining time, less a reserve, as headers for a request to another service: in the given formats, or in those
   * that the guard was given as `outbound.headers` (by default `connect-timeout-ms`). They never say more than what is
   * left: 0 when nothing is, so that the other side does not begin. Without a deadline there are none.
   *
   * The headers say what was left when they were made. `scope.fetch()` makes them itself.
   *
   * @throws {InvalidOptionError} for a format that is not known, or a reserve that is no number of milliseconds
   *
   * @example
   * ```ts
   * const { deadline, signal } = scopeOf(request)
   * await fetch(url, { signal, headers: deadline.headers('grpc-timeout', { reserveMs: 20 }) })
   * ```
   */
  headers(
    format?: DeadlineHeader | readonly DeadlineHeader[],
    { reserveMs = this.terms.outbound.reserveMs }: DeadlineHeadersOptions = {},
  ): Record<string, string> {
    const names = format === undefined ? this.terms.outbound.headers : listOfHeaders(format)
    if (!names) throw new InvalidOptionError('format', 'a known header', format)
    if (!isMilliseconds(reserveMs)) throw new InvalidOptionError('reserveMs', millisecondsWords, reserveMs)
    const ms = Math.max(this.remainingMs() - reserveMs, 0)
    if (ms === Number.POSITIVE_INFINITY) return {}
    return Object.fromEntries(names.map((name) => [name, deadlineFormats[name].format(ms)]))
  }

  /**
   * A deadline for a step of the work, from now: a share of what is left, or so many milliseconds, and never later than
   * this one, also when this one is shortened afterwards. It is an instant and nothing else: no timer runs for it, and
   * nothing has to be disposed of. `scope.step()` also ends the work when it is over.
   *
   * @throws {InvalidOptionError} for limits that are none
   *
   * @example
   * ```ts
   * const half = scopeOf(request).deadline.child({ share: 0.5, maxMs: 300 })
   * await cache.get(key, { timeoutMs: half.remainingMs() })
   * ```
   */
  child(limits: StepLimits): ChildDeadline {
    const { share, maxMs } = validate(stepLimits, limits)
    if (share === undefined && maxMs === undefined)
      throw new InvalidOptionError('limits', 'a share or maxMs', limits)
    const shareMs = share === undefined ? Number.POSITIVE_INFINITY : this.remainingMs() * share
    const timeoutMs = Math.min(shareMs, toLimit(maxMs) ?? Number.POSITIVE_INFINITY)
    return new ChildDeadline(this, this.clock, this.terms, timeoutMs)
  }
}

/** The deadline of a step, within another one. */
export class ChildDeadline extends Remaining {
  /** What the step was given, in milliseconds; its parent may leave it less. */
  readonly timeoutMs: number
  /** @internal */
  readonly ownDueAt: number
  private readonly parent: Remaining

  /** @internal */
  constructor(parent: Remaining, clock: Clock, terms: Terms, timeoutMs: number) {
    super(clock, terms)
    this.parent = parent
    this.timeoutMs = timeoutMs
    this.ownDueAt = clock.now() + timeoutMs
  }

  get dueAt(): number {
    return Math.min(this.ownDueAt, this.parent.dueAt)
  }
}
