/**
 * What has to become of requests under one guard: the first of the handler, the deadline, the client and the server to
 * have its say decides, and what comes after it is late. This is all that the property tests know of it.
 */
export class ModelGuard {
  now = 0
  stopped = false
  readonly rules: Rules
  readonly requests: ModelRequest[] = []

  constructor(rules: Rules) {
    this.rules = rules
  }

  get active(): number {
    return this.requests.filter(({ ran, ending }) => ran && !ending).length
  }

  /** Those from which an error escaped are not among them. */
  get abandoned(): number {
    return this.requests.filter((each) => each.ran && each.ending && !each.settled && !each.escapedFrom)
      .length
  }

  arrives(client: ModelClient): ModelRequest {
    const request = new ModelRequest(this, client)
    const { maxConcurrent, maxAbandoned } = this.rules
    const isFull = this.active >= maxConcurrent || this.abandoned >= maxAbandoned
    this.requests.push(request)
    if (client.cheap && client.closed) request.end('client-closed', 'waiting')
    else if (this.stopped) request.end('rejected', 'shutdown')
    else if (isFull) request.end('rejected', 'overloaded')
    else request.ran = true
    return request
  }

  /** Time goes by with nothing running. */
  block(ms: number): void {
    this.now += ms
  }

  /** Time goes by, and what is due is done. A deadline never strikes early, and always has by the time that it is over. */
  pass(ms: number): void {
    this.now += ms
    for (const request of this.requests) request.timeIs(this.now)
  }

  shutDown(): void {
    this.stopped = true
    for (const request of this.requests) {
      if (request.ran) request.endUnlessClosed('failed', 'shutdown')
    }
  }
}

export interface Rules {
  readonly timeoutMs: number
  readonly buffer: boolean
  readonly eager: boolean
  readonly maxConcurrent: number
  readonly maxAbandoned: number
}

export interface ModelClient {
  /** Whether watching it costs nothing: then it is watched from the start. */
  readonly cheap: boolean
  /** Whether it tells what becomes of the response: then the record waits for that. */
  readonly tellsDelivery: boolean
  closed: boolean
}

export type Kind = 'completed' | 'timed-out' | 'client-closed' | 'failed' | 'rejected'

export interface ModelEnding {
  readonly kind: Kind
  /** Its phase, its reason, or what failed. */
  readonly detail: string
}

/** How it settles, or, of a body that is to be drained, that it will. */
export type Settlement = 'response' | 'nothing' | 'stream' | 'error' | 'cancellation' | 'thrown response'

export class ModelRequest {
  ran = false
  ending: ModelEnding | undefined
  /** Whether the handler, or the draining of its body, is done. */
  settled = false
  late: 'completed' | 'failed' | 'cancelled' | undefined
  /** Whether an error that nobody caught was the ending. */
  escapedFrom = false
  escapes = 0
  lateWrites = 0
  /** The code of the reason that the signal has. */
  reason: string | undefined
  /** Whether the client's leaving is heard of at once. */
  followed = false
  /** Whether the client is known to have it, or not. */
  told = false
  private draining = false
  private returned = false
  private written = false
  signalRead = false
  private readonly guard: ModelGuard
  private readonly client: ModelClient
  private readonly startedAt: number
  private dueAt: number

  constructor(guard: ModelGuard, client: ModelClient) {
    this.guard = guard
    this.client = client
    this.startedAt = guard.now
    this.dueAt = guard.now + guard.rules.timeoutMs
  }

  // --- how it may end -------------------------------------------------------------------------------------------

  /** The handler has returned a promise. */
  returnedPromise(): void {
    this.returned = true
    if (this.ending) return
    if (this.client.cheap || this.guard.rules.eager) this.follow()
  }

  settle(how: Settlement): void {
    if (this.settled || this.draining) return
    const isError = how === 'error' || how === 'cancellation' || how === 'thrown response'
    if (this.ending) {
      this.settled = true
      this.late = how === 'cancellation' ? 'cancelled' : isError ? 'failed' : 'completed'
    } else if (how === 'stream' && this.guard.rules.buffer) this.draining = true
    else this.answered(isError || (how === 'nothing' && !this.written), how)
  }

  private answered(isError: boolean, how: Settlement): void {
    this.settled = true
    if (!isError) this.end('completed', '')
    else this.endUnlessClosed(how === 'thrown response' ? 'completed' : 'failed', 'handler')
  }

  /** The body that is drained has come to its end, or has broken. */
  drained(isError: boolean): void {
    if (!this.draining || this.ending) return
    this.draining = false
    this.answered(isError, isError ? 'error' : 'response')
  }

  timeIs(now: number): void {
    if (!this.returned || this.ending) return
    if (this.dueAt <= now) this.endUnlessClosed('timed-out', 'handling')
    else if (this.startedAt + FIRST_TICK_MS <= now) this.follow()
  }

  close(): void {
    if (this.client.closed) return
    this.client.closed = true
    if (this.followed) this.leave()
  }

  private leave(): void {
    if (!this.ending) this.end('client-closed', 'handling')
    else if (!this.told) {
      if (this.client.tellsDelivery) {
        if (this.ending.kind === 'completed') this.ending = { kind: 'client-closed', detail: 'writing' }
        this.told = true
      }
      this.reason ??= 'CLIENT_CLOSED'
      this.followed = false
    }
  }

  escape(): void {
    if (!this.ran) return
    this.escapes++
    if (!this.ending && !this.client.closed) this.escapedFrom = true
    this.endUnlessClosed('failed', 'escaped')
  }

  deliver(): void {
    this.told = true
    this.followed = false
  }

  /** The response broke while it was written. */
  break(): void {
    this.deliver()
    if (this.ending?.kind === 'completed') this.ending = { kind: 'failed', detail: 'streaming' }
  }

  /** The client's leaving is neither failure nor timeout, and comes first where it is only found out now. */
  endUnlessClosed(kind: Kind, detail: string): void {
    if (this.ending) return
    if (this.client.closed) this.end('client-closed', 'handling')
    else this.end(kind, detail)
  }

  end(kind: Kind, detail: string): void {
    if (this.ending) return
    this.ending = { kind, detail: kind === 'completed' ? '' : detail }
    this.reason = reasons[kind === 'failed' ? detail : kind]
    if (this.draining) {
      this.settled = true
      this.late = 'cancelled'
    }
    const isHeld = this.client.tellsDelivery && kind !== 'client-closed'
    if (isHeld) this.follow()
    else if (kind !== 'completed' || !this.signalRead) this.followed = false
  }

  // --- what else may happen -------------------------------------------------------------------------------------

  private follow(): void {
    if (this.followed) return
    this.followed = true
    if (this.client.closed) this.leave()
  }

  readSignal(): void {
    if (!this.ran) return
    this.signalRead = true
    if (!this.ending || (this.ending.kind === 'completed' && !this.told)) this.follow()
  }

  write(): void {
    if (!this.ran) return
    if (this.ending) this.lateWrites++
    else this.written = true
  }

  move(dueAt: number): void {
    if (!this.ending) this.dueAt = dueAt
  }

  extend(ms: number): void {
    this.move(this.dueAt + ms)
  }
}

const FIRST_TICK_MS = 10

/** By what the request ended. Where that was its own response, there is none. */
const reasons: Readonly<Record<string, string>> = {
  'timed-out': 'HANDLER_TIMEOUT',
  'client-closed': 'CLIENT_CLOSED',
  shutdown: 'SHUTDOWN',
  escaped: 'ESCAPED',
}
