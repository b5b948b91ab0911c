import { type Arms, discard } from './abandoned.ts'
import { Deferred } from './deferred.ts'
import { type Draining, drain } from './drain.ts'
import {
  type AbortReason,
  ClientClosedError,
  EscapedError,
  HandlerTimeoutError,
  isCancellation,
  messageOf,
  NoResponseError,
  ShutdownError,
} from './errors.ts'
import { Exchange, uncaught } from './exchange.ts'
import { isThenable } from './is-thenable.ts'
import { FIRST_TICK_MS } from './options.ts'
import type { Rejected } from './outcome.ts'
import { wayBack } from './own-context.ts'
import {
  type Answered,
  answer,
  clientClosedResponse,
  problem,
  type Reply,
  thrownResponse,
} from './responses.ts'
import { withServerTiming } from './server-timing.ts'
import { isStreaming } from './streaming.ts'
import { leave, type Waiting, WaitingList } from './waiting-list.ts'

/** What a handler may come back with. Nothing means: what it wrote into `scope.response`. */
export type HandlerResult = Response | undefined | void

/** What goes back to the runtime; `undefined` as long as there is nothing. */
export type Sent = Response | undefined

/**
 * One request's race between its handler, the deadline and the client: an arm for each ending. The first arm decides,
 * and what comes to another one later is late. No arm ever throws.
 */
export class Race extends Exchange implements Waiting {
  private sent: Sent = undefined
  private resolve: ((sent: Sent | Promise<never>) => void) | undefined = undefined
  private work: Promise<void> | undefined = undefined
  /** What the promise of the handler holds on to. */
  private leash: Leash | undefined = undefined
  previous: Waiting['previous'] = undefined
  next: Waiting['next'] = undefined
  /** Into its own async context, if anybody there could notice the difference. */
  declare private back: ((work: () => void) => void) | undefined
  declare private thrown: { readonly error: unknown } | undefined
  declare private draining: Draining | undefined
  /** Whether it is one of the few that last longer than the first tick. */
  declare private ticked: boolean | undefined

  /** The handler has returned. An answer that is there already needs no race. */
  start(result: HandlerResult | PromiseLike<HandlerResult> | Deferred): Sent | Promise<Sent> {
    if (result instanceof Deferred) return this.defer(result)
    if (isThenable(result) || this.policy.buffer) return this.run(Promise.resolve(result))
    void this.responded(result)
    return this.atOnce()
  }

  /** The handler threw before it returned. */
  caught(error: unknown): Sent {
    this.threw(error)
    return this.atOnce()
  }

  /** The handler is not to run. */
  refuse(reason: Rejected['reason'] | 'client-closed'): Sent {
    this.working = false
    if (reason === 'client-closed') this.left('waiting')
    else this.rejected(reason)
    return this.sent
  }

  /** What there is to go back to the runtime before anything was waited for. */
  private atOnce(): Sent {
    if (this.thrown) throw this.thrown.error
    return this.sent
  }

  private run(work: Promise<HandlerResult>): Promise<Sent> {
    const reply = new Promise<Sent>((resolve) => {
      this.resolve = resolve
    })
    const leash: Leash = { arms: this }
    this.work = settling(work, leash)
    // A runtime that drops what outlives its response may drop the handler with its client, too, and tell nobody.
    if (this.attached?.waitUntil) this.handOn(this.work)
    this.begin(leash)
    return reply
  }

  private defer(work: Deferred): Sent | Promise<Sent> {
    if (this.policy.waitUntil) return this.run(work.toPromise())
    this.resolve = toNobody
    work.arms = this
    this.begin(work)
    return undefined
  }

  private begin(leash: Leash): void {
    this.leash = leash
    if (this.outcome) this.abandon()
    else this.arm()
  }

  // --- the arms -------------------------------------------------------------------------------------------------

  responded(result: HandlerResult): void | Promise<void> {
    if (this.outcome) return this.tooLate(result)
    try {
      const response = result ?? this.writtenBuffer?.toResponse()
      if (typeof response?.status !== 'number') throw new NoResponseError(response)
      return this.policy.buffer && !isStreaming(response) ? this.drained(response) : this.commit(response)
    } catch (error) {
      return this.threw(error)
    }
  }

  private drained(response: Response): Promise<void> {
    this.draining = drain(response, this.policy)
    return this.draining.result.then(
      (whole) => (this.outcome ? this.tooLate(whole) : this.commit(whole)),
      (error) => this.threw(error),
    )
  }

  private commit(response: Response): void {
    this.working = false
    let sent: Response
    try {
      sent = this.limited(response)
    } catch (error) {
      return this.failed(error)
    }
    const { status } = response
    if (this.handledError !== undefined && status >= 500) return this.handled(sent, status)
    this.decide({ kind: 'completed', status, elapsedMs: this.elapsedMs() })
    this.send(sent)
  }

  /** A framework has caught what the handler threw, and this is what it makes of it. */
  private handled(sent: Response, status: number): void {
    if (this.client.closed) {
      this.left('handling')
      return discard(sent, this.reason)
    }
    this.decide({
      kind: 'failed',
      phase: 'handling',
      status,
      elapsedMs: this.elapsedMs(),
      error: this.handledError,
    })
    this.send(sent)
  }

  threw(error: unknown): void {
    if (this.outcome)
      return this.recordLate(isCancellation(error, this.reason) ? 'cancelled' : 'failed', error)
    this.working = false
    if (this.client.closed) return this.left('handling')
    const response = thrownResponse(error)
    if (response && response.status < 500) return this.commit(response)
    this.failed(error, response)
  }

  /** What the handler had started threw, and nobody caught it. The handler itself may be waiting for that for ever. */
  override escaped(error: unknown): boolean {
    if (!this.outcome && this.client.closed) this.left('handling')
    if (isCancellation(error, this.reason)) return false
    if (this.outcome) this.strayed(this.outcome, error)
    else {
      this.failed(error, this.policy.rethrow ? undefined : thrownResponse(error), uncaught)
      this.stop(() => new EscapedError(error))
    }
    for (const { counters } of this.guards) counters.escaped++
    return true
  }

  private failed(error: unknown, response?: Response, how?: typeof uncaught): void {
    const { failureResponse, exposeErrors, rethrow } = this.policy
    const ending = { status: response?.status ?? 500, elapsedMs: this.elapsedMs(), ...how }
    const outcome = this.decide({ kind: 'failed', phase: 'handling', ...ending, error })
    if (response) return this.send(response)
    if (rethrow) return this.sendError(error)
    const detail = exposeErrors ? messageOf(error) : undefined
    this.answer(failureResponse, outcome, () => problem(500, 'HANDLER_FAILED', detail))
  }

  private struck(): void {
    if (this.client.closed) return this.left('handling')
    const { timeoutStatus, timeoutResponse } = this.policy
    const { timeoutMs, dueAt } = this.deadline
    const elapsedMs = this.elapsedMs()
    const lateMs = elapsedMs - (dueAt - this.startedAt)
    const isClientSlow = this.client.owesBody?.()
    const status = isClientSlow ? 408 : timeoutStatus
    const phase = isClientSlow ? 'receiving' : 'handling'
    const outcome = this.decide({ kind: 'timed-out', phase, status, elapsedMs, timeoutMs, lateMs })
    const code = isClientSlow ? 'REQUEST_TIMEOUT' : 'HANDLER_TIMEOUT'
    // What else comes on its connection would have to wait for the rest of the body.
    const headers = isClientSlow ? { connection: 'close' } : undefined
    this.answer(timeoutResponse, outcome, () => problem(status, code), headers)
    this.stop(() => new HandlerTimeoutError(timeoutMs))
  }

  protected override left(phase: 'waiting' | 'handling'): void {
    this.decide({ kind: 'client-closed', phase, status: 499, elapsedMs: this.elapsedMs() })
    this.send(clientClosedResponse())
    this.stop(() => new ClientClosedError())
  }

  override shutDown(): void {
    if (this.outcome) return
    if (this.client.closed) return this.left('handling')
    const error = new ShutdownError()
    const ending = { status: 503, elapsedMs: this.elapsedMs() }
    const outcome = this.decide({ kind: 'failed', phase: 'handling', ...ending, error })
    this.answer(this.policy.failureResponse, outcome, () => problem(503, error.code))
    this.stop(() => error)
  }

  private rejected(reason: Rejected['reason']): void {
    this.policy.counters.refused[reason]++
    const { status, code } = refusals[reason]
    const outcome = this.decide({ kind: 'rejected', reason, status, elapsedMs: this.elapsedMs() })
    const retryAfter = status === 503 ? { 'retry-after': String(this.policy.retryAfterSeconds) } : undefined
    this.answer(this.policy.rejectionResponse, outcome, () => problem(status, code), retryAfter)
  }

  private tooLate(result: HandlerResult): void {
    discard(result, this.reason)
    this.recordLate('completed')
  }

  // --- what follows from them -----------------------------------------------------------------------------------

  private answer<Ending extends Answered>(
    option: Reply<Ending> | undefined,
    outcome: Ending,
    fallback: () => Response,
    headers?: Record<string, string>,
  ): void {
    const response = answer(option, outcome, this.request, fallback, headers)
    outcome.status = response.status
    this.send(response)
  }

  private send(response: Sent): void {
    const { outcome } = this
    const sent =
      this.policy.serverTiming && response && outcome
        ? withServerTiming(response, outcome, this.timeLeft())
        : response
    if (this.resolve) this.resolve(sent)
    else this.sent = sent
    this.release(sent)
  }

  private sendError(error: unknown): void {
    if (this.resolve) this.resolve(Promise.reject(error))
    else this.thrown = { error }
    this.release()
  }

  /** An abandoned handler may keep the race for ever: nothing that was sent stays with it. */
  private release(sent?: Response): void {
    leave(this)
    this.resolve = undefined
    this.sending(sent)
  }

  /** What still runs for nobody is told so, and kept alive where the runtime would drop it with the response. */
  private stop(makeReason: () => AbortReason): void {
    this.abort(makeReason)
    this.draining?.cancel(this.reason)
    this.keepHandler()
    this.leaveToItself()
  }

  /** The request had ended before its handler returned. */
  private abandon(): void {
    this.resolve?.(this.sent)
    this.sent = undefined
    this.keepHandler()
    this.leaveToItself()
  }

  private keepHandler(): void {
    const isKept = this.attached?.waitUntil !== undefined
    if (this.working && this.work && !isKept) this.handOn(this.work)
  }

  /** It may go on for ever, and is to hold nothing of a request that is of no use to anybody. */
  protected override leaveToItself(): void {
    const { leash, abandoned } = this
    if (!leash || !abandoned || this.isAwaited) return
    abandoned.makeReason = this.makeReason
    leash.arms = abandoned
  }

  // --- the clock ------------------------------------------------------------------------------------------------

  private arm(): void {
    if (this.attached?.cheap || this.policy.watch === 'eager') this.follow()
    if (!this.outcome) this.wait()
  }

  /** For the first short tick, which hardly any request outlives, and then for the deadline. */
  private wait(): void {
    leave(this)
    this.keepContext()
    const { policy, startedAt, queuedMs = 0, dueAt } = this
    const tickAt = startedAt + queuedMs + FIRST_TICK_MS
    const at = this.ticked || dueAt < tickAt ? dueAt : tickAt
    const usual = at === dueAt ? policy.deadlines : policy.firstTicks
    const isUsual = usual && !queuedMs && at === startedAt + usual.ms
    const list = isUsual ? usual : new WaitingList(policy.clock, at - startedAt)
    list.add(this)
  }

  protected override keepContext(): void {
    if (this.resolve && (this.policy.isHeard || this.signalRead || this.attached?.isHeard)) {
      this.back ??= this.attached?.snapshot?.() ?? wayBack()
    }
  }

  ring(): void {
    const { back } = this
    if (!back) return this.rung()
    this.back = undefined
    back(() => this.rung())
  }

  private rung(): void {
    if (this.outcome) return
    if (this.policy.clock.now() >= this.dueAt) return this.struck()
    this.ticked = true
    this.follow()
    if (!this.outcome) this.wait()
  }

  protected override deadlineMoved(): void {
    if (this.resolve) this.wait()
  }
}

const refusals = {
  expired: { status: 504, code: 'DEADLINE_EXPIRED' },
  malformed: { status: 400, code: 'MALFORMED_DEADLINE' },
  overloaded: { status: 503, code: 'OVERLOADED' },
  shutdown: { status: 503, code: 'SHUTDOWN' },
} as const

/** To whom a handler's promise is tied: as long as it has not settled, all that can be reached from there is kept. */
interface Leash {
  arms: Arms
}

/** Where the client has been told already. */
function toNobody(): void {}

/** Apart, for a closure keeps all that any closure beside it needs. */
function settling(work: Promise<HandlerResult>, leash: Leash): Promise<void> {
  return work.then(
    (result) => leash.arms.responded(result),
    (error) => leash.arms.threw(error),
  )
}
