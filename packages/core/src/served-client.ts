import { Afterwards } from './afterwards.ts'
import { type ClientWatcher, SignalClient } from './client.ts'
import { ShutdownError } from './errors.ts'
import type { Outcome } from './outcome.ts'
import type { Reporter } from './recording.ts'

/**
 * The requests of one server that somebody follows. Those that are answered within the first tick never get here, so
 * they cost nothing.
 */
export class OpenRequests {
  private readonly clients = new Set<ServedClient>()
  readonly afterwards: Afterwards = new Afterwards()
  private stopping = false
  private breaking = false
  private shut = 0
  private handlersBegun = 0
  private handlersAtWork = 0

  /** @param reporter flushed in any case when the server closes */
  constructor(reporter?: Reporter) {
    if (reporter) this.afterwards.told(reporter)
  }

  /** Whether the server breaks its connections off: no client has left, whatever the runtime says. */
  get areCutOff(): boolean {
    return this.breaking
  }

  get size(): number {
    return this.clients.size
  }

  /** How many handlers have begun; only counted where the adapter says so. */
  get begun(): number {
    return this.handlersBegun
  }

  /** Handlers that are at work, and bodies that are followed to their end. */
  get underWay(): number {
    const bodies = [...this.clients].filter(({ isHandling }) => !isHandling)
    return this.handlersAtWork + bodies.length
  }

  /** A handler begins. */
  began(): void {
    this.handlersBegun++
    this.handlersAtWork++
  }

  /** What it answers, or its guard, goes to the runtime. */
  answered(): void {
    this.handlersAtWork--
  }

  /** How many handlers have been answered for. */
  get shutDowns(): number {
    return this.shut
  }

  /** Nobody waits any longer: handlers that have not answered are answered for, now and from now on. */
  shutDown(): void {
    this.stopping = true
    for (const client of [...this.clients]) this.tell(client)
  }

  /** Records what is still open as broken off by the server, before it breaks its connections off. */
  cutOff(): void {
    this.breaking = true
    for (const client of [...this.clients]) client.cutOff()
  }

  /** @internal */
  add(client: ServedClient): void {
    this.clients.add(client)
    if (this.stopping) this.tell(client)
  }

  private tell(client: ServedClient): void {
    if (client.isHandling) this.shut++
    client.shutDown()
  }

  /** @internal */
  delete(client: ServedClient): void {
    this.clients.delete(client)
  }
}

/** A client of a server that can be told to stop: what it then does to its connections is no client that left. */
export class ServedClient extends SignalClient {
  readonly followsStreams: boolean = true
  protected readonly open: OpenRequests | undefined
  protected follower: ClientWatcher | undefined
  /** Whether no guard has answered yet. */
  isHandling = true
  /** Whose exchange is over: it may read its signal still, but is waited for no longer. */
  protected done: ClientWatcher | undefined

  /** @param open where the request is kept as long as somebody follows it */
  constructor(request: Request, open?: OpenRequests) {
    super(request)
    this.open = open
  }

  get afterwards(): Afterwards | undefined {
    return this.open?.afterwards
  }

  override get closed(): boolean {
    return !this.open?.areCutOff && super.closed
  }

  override watch(watcher: ClientWatcher): void {
    this.follower = watcher
    if (this.open?.areCutOff) return this.shutDown()
    super.watch(watcher)
    if (this.follower && watcher !== this.done) this.open?.add(this)
  }

  override unwatch(watcher: ClientWatcher): void {
    this.follower = undefined
    super.unwatch(watcher)
    this.open?.delete(this)
  }

  sending(_outcome: Outcome): void {
    this.isHandling = false
  }

  release(watcher: ClientWatcher): void {
    this.done = watcher
    this.open?.delete(this)
  }

  shutDown(): void {
    this.follower?.shutDown()
  }

  protected override aborted(): void {
    if (this.open?.areCutOff) this.cutOff()
    else super.aborted()
  }

  cutOff(): void {
    this.shutDown()
    this.follower?.broke(new ShutdownError())
  }
}
