import type { Arrival } from './arrival.ts'
import { Budget } from './budget.ts'
import { type Client, SignalClient } from './client.ts'
import type { Clock } from './clock.ts'
import { complain } from './complain.ts'
import { Deadline } from './deadline.ts'
import { type AbortReason, NotGuardedError, ResponseSentError } from './errors.ts'
import type { Policy } from './options.ts'
import type { Outbound } from './outbound.ts'
import type { Outcome } from './outcome.ts'
import { ResponseBuffer } from './response-buffer.ts'

/**
 * What belongs to one guarded request. Every part is made when it is first asked for, so what a handler does not use
 * costs it nothing; not even a field, for what is only declared is not there before it is set.
 */
export abstract class Scope extends Budget {
  /** The request as it was handed to the handler. */
  readonly request: Request
  /** How the request ended; `undefined` while it has not. */
  outcome: Outcome | undefined = undefined
  /**
   * For frameworks that turn what a handler throws into a response of their own: set it to what was thrown, and a
   * response of 500 or above is recorded as `failed` with it.
   */
  declare handledError: unknown
  /** For adapters: runs the listeners of the signal in the async context of the request, which is theirs to keep. */
  declare runInContext: ((this: Scope, work: () => void) => void) | undefined
  /** For adapters: the pattern of the route that handles the request, asked for when it has ended. It must not throw. */
  declare routeOf: ((this: Scope) => string | undefined) | undefined
  /** For adapters: hands work to a `waitUntil` that would cost too much to look for before there is any. */
  declare handOver: ((this: Scope, work: Promise<unknown>) => void) | undefined
  declare context: unknown
  protected policy: Policy
  /** @internal When the request began to count: a proxy may have had it before. */
  readonly startedAt: number
  /** The client that an adapter attached; without one the runtime's signal is looked at, as late as possible. */
  declare protected readonly attached: Client | undefined
  /** Milliseconds that it had waited in front of this process. */
  declare protected queuedMs: number | undefined
  declare private signalClient: SignalClient | undefined
  declare private ownDeadline: Deadline | undefined
  declare private ownBuffer: ResponseBuffer | undefined
  declare private controller: AbortController | undefined
  declare protected makeReason: (() => AbortReason) | undefined
  declare private madeReason: AbortReason | undefined

  constructor(request: Request, policy: Policy, client: Client | undefined, arrival?: Arrival) {
    super()
    this.request = request
    this.policy = policy
    if (client !== undefined) this.attached = client
    const now = policy.clock.now()
    if (arrival === undefined) {
      this.startedAt = now
    } else {
      this.queuedMs = arrival.queuedMs
      this.startedAt = now - arrival.queuedMs
      this.ownDeadline = this.newDeadline(arrival.allowedMs)
    }
  }

  /**
   * Aborts when the request ends without the handler's response, with a typed error as its reason: see
   * {@link AbortReason}. After the handler has answered it goes on following the client, so that what feeds a streamed
   * body stops when its reader leaves. Also visible as `request.signal`.
   */
  get signal(): AbortSignal {
    if (this.controller === undefined) {
      this.controller = new AbortController()
      this.runInContext = this.contextOfListeners()
      if (this.makeReason) this.controller.abort(this.reason)
      else if (!this.outcome || this.outcome.kind === 'completed') this.follow()
      this.keepContext()
    }
    return this.controller.signal
  }

  /** That of the runtime, where it has to be kept for it, around that of the scope: what one knows the other may not. */
  private contextOfListeners(): Scope['runInContext'] {
    const { runInContext: own } = this
    const snapshot = this.attached?.snapshot?.()
    if (!own || !snapshot) return own ?? snapshot
    return (work) => snapshot(() => own.call(this, work))
  }

  /** The instant by which the response is due, which the handler may move. */
  get deadline(): Deadline {
    this.ownDeadline ??= this.newDeadline(Number.POSITIVE_INFINITY)
    if (this.outcome) this.ownDeadline.end()
    return this.ownDeadline
  }

  private newDeadline(allowedMs: number): Deadline {
    const { clock, timeoutMs } = this.policy
    return new Deadline(clock, this.startedAt, timeoutMs, allowedMs, () => this.deadlineMoved(), this)
  }

  /** @internal */
  get signals(): readonly AbortSignal[] {
    return [this.signal]
  }

  /** @internal */
  get clock(): Clock {
    return this.policy.clock
  }

  /** @internal */
  get outbound(): Outbound {
    return this.policy.outbound
  }

  /** The same instant, without making anything. */
  protected get dueAt(): number {
    return this.ownDeadline === undefined ? this.startedAt + this.policy.timeoutMs : this.ownDeadline.dueAt
  }

  /** The limit in force, without making anything. */
  protected get limitMs(): number {
    return this.ownDeadline === undefined ? this.policy.timeoutMs : this.ownDeadline.timeoutMs
  }

  /** For adapters: what holds of how a response is written, with what guards further in say of it. */
  get limits(): Pick<Policy, 'maxBytes' | 'streamIdleMs' | 'streamTotalMs' | 'clock' | 'given'> {
    return this.policy
  }

  /** Where an imperative handler writes its response. It is sent if the handler returns nothing. */
  get response(): ResponseBuffer {
    this.ownBuffer ??= new ResponseBuffer(this.policy.maxBytes, () => this.refuseLateWrite())
    return this.ownBuffer
  }

  /** Why the signal was, or would be, aborted; `undefined` as long as it is not. */
  get reason(): AbortReason | undefined {
    this.madeReason ??= this.makeReason?.()
    return this.madeReason
  }

  /**
   * Lets work go on after the response. Where the runtime would drop it, it is handed to its own `waitUntil`; when it
   * rejects, that goes to the console instead of ending the process.
   */
  waitUntil(promise: Promise<unknown>): void {
    this.keepAlive(Promise.resolve(promise).catch((error) => complain('Curfew waitUntil failed:', error)))
  }

  /** @internal Sees to it that work after the response comes to its end. */
  keepAlive(work: Promise<unknown>): void {
    this.attached?.afterwards?.add(work)
    this.handOn(work)
  }

  /** Hands work on to a runtime that would drop it with the response, or with the client. */
  protected handOn(work: Promise<unknown>): void {
    try {
      if (this.policy.waitUntil) this.policy.waitUntil(work, this.request)
      else if (this.attached?.waitUntil) this.attached.waitUntil(work)
      else this.handOver?.(work)
    } catch (error) {
      complain('Curfew waitUntil failed:', error)
    }
  }

  /**
   * For adapters: charges the request with what its code has thrown and nobody caught. Whether that was a failure, and not
   * only what was told to stop. Never throws.
   */
  abstract escaped(error: unknown): boolean

  /** Starts to follow the client, if nobody has yet. */
  protected abstract follow(): void
  protected abstract deadlineMoved(): void
  /** Sees to it that what comes of the deadline comes in the async context of now, where somebody could tell. */
  protected abstract keepContext(): void

  protected get client(): Client {
    if (this.attached) return this.attached
    this.signalClient ??= new SignalClient(this.request)
    return this.signalClient
  }

  protected get writtenBuffer(): ResponseBuffer | undefined {
    return this.ownBuffer
  }

  /** Whether anybody could notice that the signal aborts. */
  protected get signalRead(): boolean {
    return this.controller !== undefined
  }

  /** The reason is made when somebody looks at it: thousands may expire together with nobody looking. */
  protected abort(makeReason: () => AbortReason): void {
    if (this.makeReason) return
    this.makeReason = makeReason
    const { controller } = this
    if (!controller) return
    if (this.runInContext) this.runInContext(() => controller.abort(this.reason))
    else controller.abort(this.reason)
  }

  protected endDeadline(): void {
    this.ownDeadline?.end()
  }

  /** For adapters: counts an attempt of an abandoned handler to write into its response. */
  lateWrite(): void {
    this.policy.counters.lateWrites++
  }

  /**
   * For adapters whose handlers do not say when they are done: what to call once an abandoned one cannot be reached any
   * more, and so cannot settle; `undefined` if there is none. It holds on to nothing of the request.
   */
  abstract forgetting(): (() => void) | undefined

  private refuseLateWrite(): void {
    if (!this.outcome) return
    this.lateWrite()
    throw this.reason ?? new ResponseSentError(this.outcome.status)
  }
}

const scopeKey: unique symbol = Symbol.for('curfew.scope') as never

interface Scoped {
  [scopeKey]?: Scope
}

/** One descriptor for all requests: the getter finds the scope, so nothing is made for a signal that nobody reads. */
const shadowedSignal: PropertyDescriptor & ThisType<Scoped> = {
  configurable: true,
  get() {
    return this[scopeKey]?.signal
  },
}

/** Makes the scope findable by its request, and `request.signal` the scope's, unless the request sees to that. */
export function attachScope(request: Request, scope: Scope, showsSignal?: boolean): void {
  ;(request as Scoped)[scopeKey] = scope
  if (!showsSignal) Object.defineProperty(request, 'signal', shadowedSignal)
}

/** The scope of a request, or `undefined` when no guard runs for this object: on the way to a WebSocket, say. */
export function findScope(request: Request): Scope | undefined {
  return (request as Scoped | undefined)?.[scopeKey]
}

/**
 * The scope of the request that a guard handed to the handler. It must be that very object: a copy (`new Request(…)`,
 * `request.clone()`) has none.
 *
 * @throws {NotGuardedError} when no guard runs for this object
 *
 * @example
 * ```ts
 * const { signal, deadline, response } = scopeOf(request)
 * ```
 */
export function scopeOf(request: Request): Scope {
  const scope = findScope(request)
  if (!scope) throw new NotGuardedError(request)
  return scope
}
