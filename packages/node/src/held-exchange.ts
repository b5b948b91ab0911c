import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { Http2ServerResponse } from 'node:http2'
import {
  type HandlerResult,
  type Outcome,
  ResponseTooLargeError,
  type Scope,
  UnansweredError,
} from '@curfew/core'
import { type BodyTap, complain, Deferred, isThenable } from '@curfew/core/adapter'
import { Connection, type Incoming, type Outgoing } from './connection.ts'
import { forgotten } from './forgotten.ts'
import { HandlersAtWork, type HandlerWatch } from './handlers-at-work.ts'
import type { Begun, Held, Holder } from './held.ts'
import { HeldResponse } from './held-response.ts'
import { HeldStream } from './held-stream.ts'
import type { OpenConnections } from './open-connections.ts'
import { quietSocket } from './quiet-socket.ts'
import { seal } from './seal.ts'
import { StreamAlarms } from './stream-alarms.ts'
import { tapIncoming } from './tap-incoming.ts'
import { writeResponse } from './write-response.ts'
import { WrittenResponse } from './written-response.ts'

/** A handler that writes its response by itself, and ends it whenever it likes. */
export type WritingHandler = (scope: Scope) => unknown

/** An exchange whose handler writes the response, which is held until the guard has decided. */
export class HeldExchange extends Connection implements Holder, HandlerWatch {
  readonly isHeard: boolean = true
  readonly showsSignal: boolean = true
  private readonly original: Outgoing
  /** What stands for the handler's response where the guard wants to see one. */
  private readonly written: Response
  private state: 'untouched' | 'held' | 'sent' | 'lost' = 'untouched'
  private held: Held | undefined
  private outerHeaders: OutgoingHttpHeaders | undefined
  private scope: Scope | undefined
  private why: Begun | undefined
  private isDone = false
  /** Where handlers say by promises when they are done. */
  private atWork: HandlersAtWork | undefined
  /** Whether it is the handler that has closed the connection. */
  private isUnanswered = false
  private thrown: { readonly error: unknown } | undefined
  private alarms: StreamAlarms | undefined
  /** Does work in the async context of the request, unless that is over before anything else is done. */
  private inContext: ((work: () => void) => void) | undefined
  /** How the handler settles, if it is not done when it returns. */
  private work: Deferred | undefined

  constructor(incoming: Incoming, outgoing: Outgoing, open: OpenConnections) {
    super(incoming, outgoing, open)
    this.original = outgoing
    this.written = new WrittenResponse(outgoing) as unknown as Response
  }

  /** Runs the handler, with a result once its response has ended, or has to begin. */
  run(scope: Scope, handler: WritingHandler): HandlerResult | Deferred {
    this.scope = scope
    this.hold()
    this.follow(handler(scope))
    if (this.thrown) throw this.thrown.error
    if (this.isDone || this.why) return this.written
    this.work = new Deferred()
    return this.work
  }

  /** If it is a promise, or stands for one, it says when a handler of this request is done. */
  follow(result: unknown): void {
    if (!isThenable(result) && !(result instanceof Deferred)) return
    this.atWork ??= new HandlersAtWork(this)
    this.atWork.add(result)
  }

  get maxBytes(): number {
    return this.scope!.limits.maxBytes
  }

  /** Sends what the guard answers: who hears that it is sent hears so in the context of the request, whoever ends that. */
  private send(response: Response): void {
    if (this.ended) return void response.body?.cancel().catch(() => {})
    const write = (): void => void writeResponse(response, this).then(() => this.refuseUpload())
    if (this.inContext) this.inContext(write)
    else write()
  }

  override snapshot(): (work: () => void) => void {
    const inContext = super.snapshot()
    this.inContext ??= inContext
    return inContext
  }

  /** HTTP/2 would wait for the end of a body that somebody has begun to read. */
  private refuseUpload(): void {
    if (this.stream && !this.incoming.complete) this.stream.close()
  }

  tapBody(tap: BodyTap): void {
    tapIncoming(this.incoming, tap)
  }

  private hold(): void {
    const { original } = this
    this.state = 'held'
    if (original.getHeaderNames().length > 0) this.outerHeaders = original.getHeaders()
    this.held =
      original instanceof Http2ServerResponse
        ? new HeldStream(original, this)
        : new HeldResponse(original as ServerResponse, this)
  }

  // --- what the guard decides -----------------------------------------------------------------------------------

  sending(outcome: Outcome, reply: Response | undefined): void {
    if (reply === this.written) return this.win(outcome)
    if (this.state === 'held') this.lose(outcome)
    if (reply) this.send(reply)
  }

  private win(outcome: Outcome): void {
    this.state = 'sent'
    if (this.why && outcome.kind === 'completed') outcome.streamed = this.why
    try {
      this.held!.release()
    } catch (error) {
      // A head of HTTP/2 is not looked at before it is sent.
      this.state = 'lost'
      this.replace(500)
      seal(this.original, this)
      return this.breakOff(error)
    }
    if (!this.isDone) this.limit()
  }

  private lose(outcome: Outcome): void {
    const { scope, original, atWork } = this
    this.state = 'lost'
    if (outcome.kind === 'client-closed' || this.ended) this.held!.drop()
    else this.replace(outcome.status)
    seal(original, this)
    if (atWork?.count === 0) this.settledLate()
    else this.leaveHandlers()
    // Nothing else than a last write would tell that it is done, and it need not come to one.
    const forget = atWork ? undefined : scope?.forgetting()
    if (forget) forgotten.register(original, forget, this)
  }

  /** They may go on for ever, and all that is of interest now is that they settle. */
  private leaveHandlers(): void {
    const { atWork, work } = this
    if (atWork && work) atWork.watch = abandoned(work)
  }

  /** Has another response take the place of the handler's. */
  private replace(status: number): void {
    const { scope } = this
    const held = this.held!
    const replace = (): void => {
      const headers = held.headersOf(status, kept(this.outerHeaders))
      this.outgoing = held.replace(kept(headers))
    }
    // Who listens to the response hears that it is closed, and is to hear it in the context of the request.
    if (scope?.runInContext) scope.runInContext(replace)
    else replace()
    quietSocket(this.incoming)
  }

  /** Limits of a response that goes on for longer than its deadline. */
  private limit(): void {
    const { limits } = this.scope!
    const { streamIdleMs, streamTotalMs } = limits
    if (Math.min(streamIdleMs, streamTotalMs) === Number.POSITIVE_INFINITY) return
    const isClientSlow = (): boolean => (this.stream ?? (this.original as ServerResponse)).writableNeedDrain
    const alarms = new StreamAlarms(limits, isClientSlow, (...late) => this.struck(...late))
    this.alarms = alarms
    this.original.once('close', () => alarms.end())
  }

  override get closed(): boolean {
    return !this.isUnanswered && super.closed
  }

  override get begun(): boolean {
    return this.state !== 'held' && super.begun
  }

  // --- what the handler does ------------------------------------------------------------------------------------

  /** It threw: that fails the request, or breaks off a response that has begun, or is the end of an abandoned handler. */
  fail(error: unknown): void {
    if (this.state === 'lost' || !this.isDone) return this.onGiveUp(error)
    // That the client has left is nothing to tell.
    if (error === this.incoming.errored) return
    // The response stands, so it is no failure of the request; nor is it to be lost where nobody listens for what comes late.
    if (this.scope?.escaped(error)) complain('Curfew handler failed after its response:', error)
  }

  /**
   * Its framework handles an error of it, and may well answer. If it closes the connection instead, because a response has
   * begun that it cannot take back, that is the end that the error makes of the request.
   */
  handles(error: unknown): void {
    if (this.state === 'lost') this.onGiveUp(error)
    else if (!this.isDone) quietSocket(this.incoming, () => this.fail(error))
  }

  onEnd(): void {
    this.isDone = true
    this.alarms?.end()
    // That a request is cut off its readers are told before anybody is told that the client has left.
    if (this.incoming.destroyed && !this.incoming.complete) this.resolveSoon()
    else this.work?.resolve(this.written)
  }

  private resolveSoon(): void {
    queueMicrotask(() => this.work?.resolve(this.written))
  }

  onBegin(why: Begun): void {
    if (this.why || this.isDone) return
    const { maxBytes, given } = this.scope!.limits
    // More than fits is sent as it is written, unless somebody has said otherwise.
    if (why === 'overflowed' && given.overflow === 'fail')
      return this.onGiveUp(new ResponseTooLargeError(maxBytes))
    this.why = why
    // Whoever writes has yet to be told whether there is room.
    this.resolveSoon()
  }

  onGiveUp(error: unknown): void {
    // What has ended is sent, whatever is done to it then.
    if (this.isDone && this.state !== 'lost') return
    if (this.state === 'sent') return this.breakOff(error)
    this.thrown ??= { error }
    queueMicrotask(() => this.work?.reject(error))
  }

  onDestroy(): void {
    if (this.ended || this.isGivenUp || this.isDone) return
    const error = new UnansweredError()
    this.broken(error)
    this.isUnanswered = true
    if (this.state === 'held') this.onGiveUp(error)
  }

  onBreak(error: unknown): void {
    this.broken(error)
  }

  get isGivenUp(): boolean {
    return this.thrown !== undefined
  }

  onWrite(): void {
    this.alarms?.wrote()
  }

  onLate(last: boolean): void {
    this.scope?.lateWrite()
    if (last && !this.atWork) this.settledLate()
  }

  /** It has done all that it does, which need not be all: a callback may end the response. */
  returned(): void {
    if (this.state === 'lost') this.settledLate()
  }

  private settledLate(): void {
    forgotten.unregister(this)
    // As for who is left: not within what the handler does.
    queueMicrotask(() => this.work?.resolve())
  }
}

/**
 * Apart, for a closure keeps all that any closure beside it needs: the exchange, with its request. Who is told is not to
 * run within what the handler does.
 */
function abandoned(work: Deferred): HandlerWatch {
  return {
    returned: () => queueMicrotask(() => work.resolve()),
    fail: (error) => queueMicrotask(() => work.reject(error)),
  }
}

/** What other middleware has said before the handler, but for what it said of a body that is not sent. */
function kept(headers: OutgoingHttpHeaders = {}): OutgoingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !ofBody.test(name)))
}

const ofBody =
  /^(?:content-(?!security-policy).*|etag|last-modified|transfer-encoding|trailer|accept-ranges)$/
