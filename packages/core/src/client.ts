import type { Afterwards } from './afterwards.ts'
import type { StreamTimeoutError } from './errors.ts'
import { isUpgrade } from './is-upgrade.ts'
import type { Outcome } from './outcome.ts'
import type { Where } from './report/report.ts'
import type { BodyTap } from './tap-body.ts'

/**
 * The other end of one request's connection. An adapter that can watch the connection itself attaches one with
 * {@link attachClient}; without it a guard follows the `signal` that the request came with.
 */
export interface Client {
  /** Whether the client is known to have gone before it had the whole response. */
  readonly closed: boolean
  /** Whether asking and watching cost nothing. If not, a guard does both as late as it can. */
  readonly cheap: boolean
  /** Whether the watcher is also told how the writing of the response went. */
  readonly tellsDelivery: boolean
  /** Whether event streams, which nobody else tells the end of, are to be followed to it. */
  readonly followsStreams?: boolean
  /** Whether a response is known at once to be no stream. Asked before its headers are looked at, which has a cost. */
  isStatic?(response: Response): boolean
  /**
   * Whether the body of a response is a stream, which is then followed as well. Asked only when the handler has read its
   * signal, which is to go on following the client: finding out costs something.
   */
  isStream?(response: Response): boolean
  /** Whether the connection is about to leave HTTP (a WebSocket): such a request is not guarded. */
  readonly upgrading: boolean
  /** Whether the request shows the signal of its scope without being made to. */
  readonly showsSignal?: boolean
  /** What the adapter knows of the process, for reports: its host, its runtime, … */
  readonly where?: Where
  /**
   * Keeps work alive that the runtime would drop with the response, or with the client: each handler that is not done
   * when it returns, and what goes on after the response.
   */
  waitUntil?(work: Promise<unknown>): void
  /** Gives what runs a function in the async context of now, where that costs next to nothing. */
  snapshot?(): (work: () => void) => void
  /** Whether code of the user's runs when it is `sending()`: that is then in the async context of the request. */
  readonly isHeard?: boolean
  /** The request is decided, nobody has been told yet, and this is about to be handed to the runtime, if there is anything. */
  sending?(outcome: Outcome, reply: Response | undefined): void
  /**
   * Whether the handler has taken all that has come of the request's body, and there is more to come. Asked only when the
   * deadline strikes.
   */
  owesBody?(): boolean
  /** Listens to the body of a request that is not read from the Web-standard one. */
  tapBody?(tap: BodyTap): void
  /** Where a server that closes finds what goes on after its responses. */
  readonly afterwards?: Afterwards | undefined
  /**
   * Breaks off a response that is not complete: by a reset once it has begun, or with the status that it gives back. Gives
   * back nothing where nothing was broken off, be it that the response is complete, or that it was not handed over yet.
   */
  interrupt?(error: unknown): { readonly status?: number } | undefined
  /** Tells the watcher how the exchange ends; at once, if it has ended already. */
  watch(watcher: ClientWatcher): void
  unwatch(watcher: ClientWatcher): void
  /** The response has been handed over, and its body, if it was followed, has ended: there is no more to tell. */
  release?(watcher: ClientWatcher): void
}

/** Who is told, at most once, how an exchange ended; all of it may come late. */
export interface ClientWatcher {
  /** The client left before it had the whole response. */
  clientClosed(): void
  /** The whole response has been handed to the operating system. */
  delivered(): void
  /** The response broke on this side: half-way, or before its head, and then `status` was sent instead. */
  broke(error: unknown, status?: number): void
  /** A limit of a response that had begun struck, where it is the adapter that looks at them. */
  streamStruck(error: StreamTimeoutError, lateMs: number): void
  /** The server stops, and waits for this request no longer. */
  shutDown(): void
  /** The server breaks off what has begun: whoever reads a body that is followed gets this error instead of its end. */
  breakOff(error: unknown): void
}

const clientKey: unique symbol = Symbol.for('curfew.client') as never

interface Attached {
  [clientKey]?: Client
}

/**
 * Lets every guard that this very request passes through watch the connection by `client`. Adapters also attach it to
 * what they hand out beside the request, for frameworks that may have lost the request itself.
 */
export function attachClient(request: object, client: Client): void {
  // A property, for a WeakMap with an entry for each request is what the garbage collector would then mostly do.
  ;(request as Attached)[clientKey] = client
}

/** The client that an adapter attached to this object. */
export function attachedClient(request: object): Client | undefined {
  return (request as Attached)[clientKey]
}

/** The client as the `signal` that the runtime gave the request shows it; that is not touched before it is asked for. */
export class SignalClient implements Client {
  readonly cheap: boolean = false
  readonly tellsDelivery: boolean = false
  protected readonly request: Request
  private watcher: ClientWatcher | undefined
  protected gone = false
  private signal: AbortSignal | null | undefined
  private onAbort: (() => void) | undefined

  constructor(request: Request) {
    this.request = request
  }

  get upgrading(): boolean {
    return isUpgrade(this.request)
  }

  get closed(): boolean {
    return this.gone || (runtimeSignal(this.request)?.aborted ?? false)
  }

  /** For adapters that learn in another way that the client has left. */
  lost(): void {
    this.gone = true
    this.watcher?.clientClosed()
  }

  watch(watcher: ClientWatcher): void {
    this.watcher = watcher
    this.signal = runtimeSignal(this.request)
    if (this.gone) return watcher.clientClosed()
    if (this.signal?.aborted) return this.aborted()
    const onAbort = (): void => this.aborted()
    this.onAbort = onAbort
    this.signal?.addEventListener('abort', onAbort, { once: true })
  }

  /** The runtime's signal has aborted. */
  protected aborted(): void {
    this.watcher?.clientClosed()
  }

  unwatch(_watcher: ClientWatcher): void {
    this.watcher = undefined
    if (this.onAbort) this.signal?.removeEventListener('abort', this.onAbort)
  }
}

/** The signal that the runtime gave the request, under the one that shadows it; on some edges there is none. */
function runtimeSignal(request: Request): AbortSignal | null | undefined {
  return Reflect.get(Object.getPrototypeOf(request), 'signal', request)
}
