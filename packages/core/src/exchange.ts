import { Abandoned } from './abandoned.ts'
import type { Arrival } from './arrival.ts'
import type { Client, ClientWatcher } from './client.ts'
import { withBody } from './drain.ts'
import { ClientClosedError, EscapedError, ShutdownError, type StreamTimeoutError } from './errors.ts'
import { type LimitedStream, limitStream, type StreamWatcher } from './limit-stream.ts'
import { notify } from './notify.ts'
import { adjust, type Policy } from './options.ts'
import type { LateSettlement, Outcome } from './outcome.ts'
import type { Ending, Recording, TimeLeft } from './recording.ts'
import type { Place } from './roster.ts'
import { Scope } from './scope.ts'
import { isLive } from './streaming.ts'

/** How it was thrown. */
export const uncaught = { escaped: true } as const

/**
 * A request from its decision to its record. Between the two lies the writing of the response, where somebody can tell
 * how that went: only a `completed` outcome can still be amended then. Both happen once.
 *
 * What hardly any request needs is in methods of its own, for V8 makes one piece only of what is short.
 */
export abstract class Exchange extends Scope implements ClientWatcher, StreamWatcher {
  /** Whether the handler, or the draining of its body, is still at work. */
  protected working = true
  private recorded = false
  /** The guards further in that count this request, and tell of it, as well. */
  declare private joined: readonly Policy[] | undefined
  declare protected following: boolean | undefined
  /** The handler, if it was still at work when the request was decided. */
  declare protected abandoned: Abandoned | undefined
  /** Whether the record waits for what becomes of the response. */
  declare private held: boolean | undefined
  /** Whether the client has told all that it had to tell: a handler may write, and end, the response by itself. */
  declare private told: boolean | undefined
  /** What came after the ending and has yet to be told. */
  declare private late: LateSettlement[] | undefined
  declare private recordings: Recording[] | undefined
  /** Among those who are told of a shutdown. */
  declare private place: Place<{ shutDown(): void }> | undefined
  /** The body that has begun, if it is limited or followed. */
  declare private body: LimitedStream | undefined
  /** What was sent, as long as somebody is to report it. */
  declare private reply: Response | undefined

  constructor(request: Request, policy: Policy, client: Client | undefined, arrival?: Arrival) {
    super(request, policy, client, arrival)
    policy.counters.active++
    if (policy.running !== undefined) this.place = policy.running.add(this)
    if (policy.reporter !== undefined) this.recordings = [policy.reporter.start(request)]
  }

  /** An inner guard adjusts the race that is on instead of starting another; it counts and is told as well. */
  join(inner: Policy): void {
    if (!this.guards.includes(inner)) {
      const { reporter } = inner
      if (reporter && !this.guards.some((guard) => guard.reporter === reporter)) {
        this.recordings = [...(this.recordings ?? []), reporter.start(this.request)]
      }
      this.joined = [...(this.joined ?? []), inner]
      inner.counters.active++
    }
    this.policy = adjust(this.policy, inner)
    this.keepContext()
    if (inner.readArrival) {
      const { allowedMs, queuedMs } = inner.readArrival(this.request)
      this.deadline.allow(allowedMs - queuedMs)
    }
    if (inner.given.timeoutMs !== undefined) this.deadline.set(inner.given.timeoutMs)
  }

  /** The guards that count this request and tell of it. */
  protected get guards(): readonly Policy[] {
    const { alone } = this.policy
    return this.joined ? [...alone, ...this.joined] : alone
  }

  protected elapsedMs(): number {
    return this.policy.clock.now() - this.startedAt
  }

  protected override follow(): void {
    if (this.following) return
    this.following = true
    this.client.watch(this)
  }

  protected timeLeft(): TimeLeft {
    return { timeoutMs: this.limitMs, remainingMs: Math.max(this.dueAt - this.policy.clock.now(), 0) }
  }

  // --- decided, and on its way ----------------------------------------------------------------------------------

  protected decide<Decided extends Outcome>(outcome: Decided): Decided {
    this.outcome = outcome
    this.endDeadline()
    if (this.place) this.policy.running!.leave(this.place)
    leaveGuard(this.policy)
    this.joined?.forEach(leaveGuard)
    if (this.working) {
      this.abandoned = new Abandoned(this.guards, !('escaped' in outcome))
      this.writtenBuffer?.forget()
    }
    if (this.recordings) {
      const time = this.timeLeft()
      for (const recording of this.recordings) recording.decided(outcome, time)
    }
    return outcome
  }

  /** The response under the limits that a body has once it has begun, and followed where its end would not be told. */
  protected limited(response: Response): Response {
    const { streamIdleMs, streamTotalMs } = this.policy
    const isLimited = Math.min(streamIdleMs, streamTotalMs) < Number.POSITIVE_INFINITY
    if (!isLimited && !this.isFollowed(response)) return response
    if (!response.body || this.request.method === 'HEAD' || response.status === 101) return response
    const body = limitStream(response.body, this.policy, this)
    const limited = withBody(response, body.stream)
    this.body = body
    this.held = true
    return limited
  }

  private isFollowed(response: Response): boolean {
    const { attached } = this
    if (!attached?.followsStreams || attached.isStatic?.(response)) return false
    return isLive(response) || (this.signalRead && (attached.isStream?.(response) ?? false))
  }

  /** The reply has been handed over. */
  protected sending(reply: Response | undefined): void {
    if (this.recordings) this.reply = reply
    if (this.attached) this.tellSending(this.attached, reply)
    if (this.held && !this.told) this.follow()
    else this.over()
  }

  private tellSending(attached: Client, reply: Response | undefined): void {
    const { outcome } = this
    if (!outcome) return
    if (attached.tellsDelivery && outcome.kind !== 'client-closed') this.held = true
    attached.sending?.(outcome, reply)
  }

  delivered(): void {
    this.told = true
    this.record()
    this.client.unwatch(this)
  }

  broke(error: unknown, instead?: number, how?: typeof uncaught): void {
    this.told = true
    const phase = instead ? 'handling' : 'streaming'
    const status = instead ?? this.outcome?.status ?? 500
    this.amend({ kind: 'failed', phase, status, elapsedMs: this.elapsedMs(), error, ...how })
    if (how) this.abort(() => new EscapedError(error))
    if (error instanceof ShutdownError) this.abort(() => error)
    this.over()
  }

  breakOff(error: unknown): void {
    this.broke(error)
    this.body?.breakOff(error)
  }

  /**
   * Nobody caught what code of this request threw, and there has been a decision. A body that has not reached its end may
   * never do so now; what is complete stays as it is.
   */
  protected strayed(outcome: Outcome, error: unknown): void {
    const amendable = outcome.kind === 'completed' && !this.recorded
    const cut = amendable && (this.body ? !this.body.over && {} : this.attached?.interrupt?.(error))
    if (cut) {
      this.broke(error, cut.status, uncaught)
      this.body?.breakOff(error)
    } else {
      this.cameLate(outcome, { kind: 'failed', error, ...uncaught })
    }
  }

  clientClosed(): void {
    if (!this.outcome) return this.left('handling')
    this.amend({ kind: 'client-closed', phase: 'writing', status: 499, elapsedMs: this.elapsedMs() })
    this.abort(() => new ClientClosedError())
    this.over()
  }

  /** The request is over; its handler need not be. */
  protected abstract leaveToItself(): void
  abstract shutDown(): void
  protected abstract left(phase: 'handling'): void

  streamEnded(): void {
    if (this.attached?.tellsDelivery) return
    this.told = true
    this.over()
  }

  streamCancelled(): void {
    if (!this.attached?.tellsDelivery) this.clientClosed()
  }

  streamBroke(error: unknown): void {
    this.broke(error)
  }

  streamStruck(error: StreamTimeoutError, lateMs: number): void {
    const { timeoutMs } = error
    const status = this.outcome?.status ?? 503
    const elapsedMs = this.elapsedMs()
    this.amend({ kind: 'timed-out', phase: 'streaming', status, elapsedMs, timeoutMs, lateMs })
    this.abort(() => error)
    this.over()
  }

  // --- over, and recorded ---------------------------------------------------------------------------------------

  /** A streamed body may go on, unseen: as long as somebody reads the signal, it follows the client. */
  private over(): void {
    this.record()
    if (this.following) this.unfollow()
    this.attached?.release?.(this)
  }

  private unfollow(): void {
    if (this.outcome?.kind === 'completed' && this.signalRead && !this.reason && !this.told) return
    this.client.unwatch(this)
    // What feeds the body may read the signal only now.
    this.following = this.told
  }

  private amend(outcome: Outcome): void {
    if (this.outcome?.kind === 'completed' && !this.recorded) this.outcome = outcome
  }

  private record(): void {
    const { outcome } = this
    if (this.recorded || !outcome) return
    this.recorded = true
    this.tell(this.policy)
    this.joined?.forEach(this.tell, this)
    if (this.recordings) this.report(this.recordings, outcome)
    if (this.late) this.tellLate()
    this.leaveToItself()
  }

  private tell(guard: Policy): void {
    const outcome = this.outcome!
    guard.counters.outcomes[outcome.kind]++
    if (guard.onOutcome) notify(guard, this, guard.onOutcome, outcome, this.request)
  }

  private report(recordings: Recording[], outcome: Outcome): void {
    const ending = this.ending(outcome)
    this.reply = undefined
    for (const recording of recordings) recording.ended(ending)
    if (outcome.kind !== 'completed') this.guards.forEach(this.toldReporter, this)
  }

  private toldReporter({ reporter }: Policy): void {
    if (reporter) this.attached?.afterwards?.told(reporter)
  }

  private ending(outcome: Outcome): Ending {
    return {
      request: this.request,
      outcome,
      abandoned: this.abandoned !== undefined,
      timeoutMs: this.limitMs,
      response: this.reply,
      written: this.writtenBuffer,
      route: this.routeOf?.(),
      keepAlive: (work) => this.keepAlive(work),
    }
  }

  protected recordLate(kind: LateSettlement['kind'], error?: unknown): void {
    const { outcome } = this
    if (!outcome || !this.abandoned?.settle(kind)) return
    this.working = false
    this.cameLate(outcome, kind === 'completed' ? { kind } : { kind, error })
  }

  private cameLate(outcome: Outcome, what: Pick<LateSettlement, 'kind' | 'error' | 'escaped'>): void {
    this.late ??= []
    this.late.push({ ...what, outcome, afterMs: this.elapsedMs() - outcome.elapsedMs })
    if (this.recorded) this.tellLate()
  }

  override forgetting(): (() => void) | undefined {
    const { abandoned, outcome } = this
    if (!abandoned || (outcome && 'escaped' in outcome)) return undefined
    return () => void abandoned.settle('cancelled')
  }

  /** Whether anybody is to be told how the abandoned handler settles. */
  protected get isAwaited(): boolean {
    return (
      !this.recorded ||
      this.guards.some(({ onLateSettlement }) => onLateSettlement) ||
      (this.recordings?.some(({ isDone }) => !isDone) ?? false)
    )
  }

  /** The ending is told first, even where its record had to wait for the response to be written. */
  private tellLate(): void {
    for (const late of this.late!.splice(0)) {
      for (const guard of this.guards) {
        if (guard.onLateSettlement) notify(guard, this, guard.onLateSettlement, late, this.request)
        if (late.escaped) this.toldReporter(guard)
      }
      for (const recording of this.recordings ?? []) recording.settled(late, this.ending(late.outcome))
    }
  }
}

function leaveGuard({ counters }: Policy): void {
  counters.active--
}
