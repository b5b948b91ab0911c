import type { Clock } from './clock.ts'
import { defaultOutbound, type Outbound } from './outbound.ts'
import { Remaining } from './remaining.ts'
import { parseTimeout } from './validate.ts'

/**
 * The instant by which a request must have its response. Every change takes effect at once, also while the handler
 * runs; once the request has ended, changes do nothing. What the request itself allowed (`inbound`) can be
 * shortened, never lengthened.
 *
 * @example
 * ```ts
 * const { deadline } = scopeOf(request)
 * if (await isLargeExport(request)) deadline.set(60_000)
 * const upstreamMs = deadline.remainingMs() / 2
 * ```
 */
export class Deadline extends Remaining {
  private readonly moved: (dueAt: number) => void
  private latest: number
  private due: number
  private limitMs: number
  private over = false

  /** @param moved told the new instant after every change */
  constructor(
    clock: Clock,
    startedAt: number,
    timeoutMs: number,
    inboundMs: number,
    moved: (dueAt: number) => void,
    terms: { readonly outbound: Outbound } = { outbound: defaultOutbound },
  ) {
    super(clock, terms)
    this.moved = moved
    this.latest = startedAt + inboundMs
    this.limitMs = Math.min(timeoutMs, inboundMs)
    this.due = startedAt + this.limitMs
  }

  /** The limit in force, in milliseconds, counted from when it was set; `Infinity` when there is none. */
  get timeoutMs(): number {
    return this.limitMs
  }

  /** The instant itself, on the guard's clock; `Infinity` when there is none. */
  get dueAt(): number {
    return this.due
  }

  /**
   * Ends the request `timeoutMs` milliseconds from now, whatever the limit was before; `false` or `Infinity` means
   * no limit.
   *
   * @throws {InvalidOptionError} for `NaN`, zero, a negative number or anything else; the deadline stays as it was
   */
  set(timeoutMs: number | false): void {
    const limitMs = parseTimeout('timeoutMs', timeoutMs)
    this.move(this.clock.now() + limitMs, limitMs)
  }

  /**
   * Adds `ms` milliseconds to what is left.
   *
   * @throws {InvalidOptionError} for `NaN`, zero, a negative number or anything else; the deadline stays as it was
   */
  extend(ms: number): void {
    // `false` means no limit elsewhere, but here nothing that could be added.
    const more = parseTimeout('ms', ms || Number.NaN)
    this.move(this.due + more, this.limitMs + more)
  }

  /** No limit from now on. */
  disable(): void {
    this.move(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY)
  }

  /** @internal The request itself allows no more than `ms` milliseconds from now. */
  allow(ms: number): void {
    const latest = this.clock.now() + Math.max(ms, 0)
    if (latest >= this.latest) return
    this.latest = latest
    if (this.due === Number.POSITIVE_INFINITY) this.move(latest, Math.max(ms, 0))
    else if (this.due > latest) this.move(this.due, this.limitMs)
  }

  /** @internal The request has ended. */
  end(): void {
    this.over = true
  }

  private move(due: number, limitMs: number): void {
    if (this.over) return
    this.limitMs = due > this.latest ? this.limitMs + (this.latest - this.due) : limitMs
    this.due = Math.min(due, this.latest)
    this.moved(this.due)
  }
}
