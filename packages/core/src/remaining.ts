import type { Clock } from './clock.ts'
import { type DeadlineHeader, deadlineFormats, listOfHeaders } from './deadline-header.ts'
import { InvalidOptionError } from './errors.ts'
import type { Outbound } from './outbound.ts'
import { isMilliseconds, millisecondsWords } from './validate.ts'

export interface DeadlineHeadersOptions {
  /** Milliseconds to keep back, for what is to be done with the answer (default: the guard's `outbound.reserveMs`). */
  reserveMs?: number
}

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
}
