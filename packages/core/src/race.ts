import { Alarm } from './alarm.ts'
import type { ClientWatcher } from './client.ts'
import { type Draining, drain, withBody } from './drain.ts'
import { ClientClosedError, HandlerTimeoutError, ShutdownError, type StreamTimeoutError } from './errors.ts'
import { limitStream, type StreamWatcher } from './limit-stream.ts'
import type { Rejected } from './outcome.ts'
import { RecordedScope } from './recorded-scope.ts'
import {
  type Answered,
  answer,
  clientClosedResponse,
  problem,
  type Reply,
  thrownResponse,
} from './responses.ts'
import { isStreaming } from './streaming.ts'

/** What a handler may come back with. Nothing means: what it wrote into `scope.response`. */
export type HandlerResult = Response | undefined | void

/** What goes back to the runtime; `undefined` where the handler gave the connection away. */
export type Sent = Response | undefined

/** How long a request runs before its client is followed, where following has a cost. */
const FIRST_TICK_MS = 10

/**
 * One request's race between its handler, the deadline and the client: an arm for each ending. The first arm decides,
 * and what comes to another one later is late. No arm ever throws.
 */
export class Race extends RecordedScope implements ClientWatcher, StreamWatcher {
  private sent: Sent
  private resolve: ((sent: Sent) => void) | undefined
  private reject: ((error: unknown) => void) | undefined
  private alarm: Alarm | undefined
  private following = false
  private held = false
  private work: Promise<void> | undefined
  private draining: Draining | undefined

  /** Ends a request whose handler is not to run, and gives its reply. */
  refuse(reason: Rejected['reason'] | 'client-closed'): Sent {
    this.working = false
    if (reason === 'client-closed') this.left('waiting')
    else this.rejected(reason)
    return this.sent
  }

  /** The handler has returned. An answer that is there already needs no race. */
  start(result: HandlerResult | PromiseLike<HandlerResult>): Sent | Promise<Sent> {
    if (isPromiseLike(result) || this.policy.buffer) return this.run(Promise.resolve(result))
    this.responded(result)
    return this.sent
  }

  /** The handler threw before it returned. */
  caught(error: unknown): Sent {
    this.threw(error)
    if (this.policy.rethrow && this.outcome?.kind === 'failed') throw error
    return this.sent
  }

  private run(work: Promise<HandlerResult>): Promise<Sent> {
    const reply = new Promise<Sent>((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
    this.work = work.then(
      (result) => this.responded(result),
      (error) => this.threw(error),
    )
    if (this.outcome) this.resolve?.(this.sent)
    else this.arm()
    return reply
  }

  // --- the arms -------------------------------------------------------------------------------------------------

  private responded(result: HandlerResult): void {
    if (this.outcome) return this.tooLate(result)
    try {
      const response = result ?? this.writtenBuffer?.toResponse()
      if (response !== undefined && typeof response.status !== 'number') throw noResponse(response)
      if (!this.policy.buffer || !response || isStreaming(response)) return this.commit(response)
      this.draining = drain(response, this.policy)
    } catch (error) {
      return this.threw(error)
    }
    this.work = this.draining.result.then(
      (whole) => (this.outcome ? this.tooLate(whole) : this.commit(whole)),
      (error) => this.threw(error),
    )
  }

  private threw(error: unknown): void {
    if (this.outcome)
      return this.recordLate(isCancellation(error, this.reason) ? 'cancelled' : 'failed', error)
    this.working = false
    if (this.client.closed) return this.clientClosed()
    const response = thrownResponse(error)
    if (response && response.status < 500) return this.commit(response)
    const status = response?.status ?? 500
    const outcome = this.decide({
      kind: 'failed',
      phase: 'handling',
      status,
      elapsedMs: this.elapsedMs(),
      error,
    })
    if (this.policy.rethrow) this.sendError(error)
    else if (response) this.send(response)
    else
      this.answer(this.policy.failureResponse, outcome, () =>
        problem(500, 'HANDLER_FAILED', this.detailOf(error)),
      )
  }

  private struck(lateMs: number): void {
    const { timeoutStatus: status, timeoutResponse } = this.policy
    const { timeoutMs } = this.deadline
    const elapsedMs = this.elapsedMs()
    const outcome = this.decide({
      kind: 'timed-out',
      phase: 'handling',
      status,
      elapsedMs,
      timeoutMs,
      lateMs,
    })
    this.answer(timeoutResponse, outcome, () => problem(status, 'HANDLER_TIMEOUT'))
    this.stop(() => new HandlerTimeoutError(timeoutMs))
  }

  clientClosed(): void {
    if (!this.outcome) return this.left('handling')
    this.amend({ kind: 'client-closed', phase: 'writing', status: 499, elapsedMs: this.elapsedMs() })
    this.abort(() => new ClientClosedError())
    this.done()
  }

  override shutDown(): void {
    if (this.outcome) return
    const error = new ShutdownError()
    const elapsedMs = this.elapsedMs()
    const outcome = this.decide({ kind: 'failed', phase: 'handling', status: 503, elapsedMs, error })
    this.answer(this.policy.failureResponse, outcome, () => problem(503, error.code))
    this.stop(() => error)
  }

  private left(phase: 'waiting' | 'handling'): void {
    this.decide({ kind: 'client-closed', phase, status: 499, elapsedMs: this.elapsedMs() })
    this.send(clientClosedResponse())
    this.stop(() => new ClientClosedError())
  }

  private rejected(reason: Rejected['reason']): void {
    const { status, code } = refusals[reason]
    const outcome = this.decide({ kind: 'rejected', reason, status, elapsedMs: this.elapsedMs() })
    this.answer(this.policy.rejectionResponse, outcome, () => {
      const response = problem(status, code)
      if (status === 503) response.headers.set('retry-after', String(this.policy.retryAfterSeconds))
      return response
    })
  }

  private commit(response: Sent): void {
    const sent = this.limited(response)
    this.working = false
    // A handler that comes back with nothing gave the connection away: a WebSocket on Bun, say.
    const status = response?.status ?? 101
    const elapsedMs = this.elapsedMs()
    const error = this.handledError
    if (error === undefined || status < 500) this.decide({ kind: 'completed', status, elapsedMs })
    else this.decide({ kind: 'failed', phase: 'handling', status, elapsedMs, error })
    this.send(sent)
  }

  private tooLate(result: HandlerResult): void {
    discard(result, this.reason)
    this.recordLate('completed')
  }

  // --- the reply, and what becomes of it ------------------------------------------------------------------------

  private answer<Ending extends Answered>(
    option: Reply<Ending> | undefined,
    outcome: Ending,
    fallback: () => Response,
  ): void {
    const response = answer(option, outcome, this.request, fallback)
    outcome.status = response.status
    this.send(response)
  }

  private send(sent: Sent): void {
    this.sent = sent
    this.resolve?.(sent)
    this.sending()
  }

  private sendError(error: unknown): void {
    this.reject?.(error)
    this.sending()
  }

  /** Where somebody can tell how the writing goes the record waits for that. */
  private sending(): void {
    this.alarm?.clear()
    if (this.outcome?.kind !== 'client-closed' && this.attached?.tellsDelivery) this.held = true
    if (this.held) this.follow()
    else this.done()
  }

  /** The exchange is over. A streamed body may go on: as long as somebody reads the signal, it follows the client. */
  private done(): void {
    this.record()
    const followed = this.outcome?.kind === 'completed' && this.signalRead && !this.reason
    if (this.following && !followed) this.client.unwatch()
  }

  delivered(): void {
    this.record()
    this.client.unwatch()
  }

  broke(error: unknown, instead?: number): void {
    const phase = instead ? 'handling' : 'streaming'
    const status = instead ?? this.outcome?.status ?? 500
    this.amend({ kind: 'failed', phase, status, elapsedMs: this.elapsedMs(), error })
    this.done()
  }

  streamEnded(): void {
    if (!this.attached?.tellsDelivery) this.done()
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
    this.amend({
      kind: 'timed-out',
      phase: 'streaming',
      status,
      elapsedMs: this.elapsedMs(),
      timeoutMs,
      lateMs,
    })
    this.abort(() => error)
    this.done()
  }

  private limited(response: Sent): Sent {
    const { streamIdleMs, streamTotalMs } = this.policy
    if (Math.min(streamIdleMs, streamTotalMs) === Number.POSITIVE_INFINITY) return response
    if (!response?.body || this.request.method === 'HEAD' || response.status === 101) return response
    this.held = true
    return withBody(response, limitStream(response.body, this.policy, this))
  }

  /** What still runs for nobody is told so, and kept alive where the runtime would drop it with the response. */
  private stop(makeReason: Parameters<Race['abort']>[0]): void {
    this.abort(makeReason)
    this.draining?.cancel(this.reason)
    if (this.working && this.work) this.policy.waitUntil?.(this.work, this.request)
  }

  private detailOf(error: unknown): string | undefined {
    return this.policy.exposeErrors ? String((error as Error | undefined)?.message ?? error) : undefined
  }

  // --- the clock and the client ---------------------------------------------------------------------------------

  private arm(): void {
    if (this.attached?.cheap || this.policy.watch === 'eager') this.follow()
    if (this.outcome) return
    this.alarm = new Alarm(this.policy.clock, (lateMs) => this.ring(lateMs))
    this.alarm.set(this.nextRing())
  }

  /** One timer serves both: the first short tick, while the client is not followed yet, and the deadline. */
  private nextRing(): number {
    const { dueAt } = this.deadline
    return this.following ? dueAt : Math.min(dueAt, this.startedAt + FIRST_TICK_MS)
  }

  private ring(lateMs: number): void {
    if (this.policy.clock.now() >= this.deadline.dueAt) return this.struck(lateMs)
    this.follow()
    if (!this.outcome) this.alarm?.set(this.nextRing())
  }

  protected override deadlineMoved(): void {
    this.alarm?.set(this.nextRing())
  }

  protected override follow(): void {
    if (this.following) return
    this.following = true
    this.client.watch(this)
  }
}

const refusals = {
  expired: { status: 504, code: 'DEADLINE_EXPIRED' },
  overloaded: { status: 503, code: 'OVERLOADED' },
  shutdown: { status: 503, code: 'SHUTDOWN' },
} as const

/** Whether an abandoned handler stopped because it was told to. */
function isCancellation(error: unknown, reason: unknown): boolean {
  if (reason === undefined) return false
  const { name, cause } = (error ?? {}) as { name?: unknown; cause?: unknown }
  return error === reason || cause === reason || name === 'AbortError'
}

function isPromiseLike<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof (value as { then?: unknown } | undefined)?.then === 'function'
}

/** Tells whoever makes the body that nobody reads it. */
function discard(result: HandlerResult, reason: unknown): void {
  try {
    result?.body?.cancel(reason).catch(() => {})
  } catch {}
}

function noResponse(value: unknown): TypeError {
  return new TypeError(`Handler returned no Response: ${Object.prototype.toString.call(value)}`)
}
