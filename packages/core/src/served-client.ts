import { type ClientWatcher, SignalClient } from './client.ts'
import { ShutdownError } from './errors.ts'

/**
 * The requests of one server that somebody follows. Those that are answered within the first tick never get here, so
 * they cost nothing.
 */
export class OpenRequests {
  private readonly clients = new Set<ServedClient>()
  private stopping = false
  private breaking = false

  /** Whether the server breaks its connections off: no client has left, whatever the runtime says. */
  get areCutOff(): boolean {
    return this.breaking
  }

  get size(): number {
    return this.clients.size
  }

  /** Nobody waits any longer: handlers that have not answered are answered for, now and from now on. */
  shutDown(): void {
    this.stopping = true
    for (const client of [...this.clients]) client.shutDown()
  }

  /** Records what is still open as broken off by the server, before it breaks its connections off. */
  cutOff(): void {
    this.breaking = true
    for (const client of [...this.clients]) client.cutOff()
  }

  /** @internal */
  add(client: ServedClient): void {
    this.clients.add(client)
    if (this.stopping) client.shutDown()
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
  /** Whose exchange is over: it may read its signal still, but is waited for no longer. */
  protected done: ClientWatcher | undefined

  /** @param open where the request is kept as long as somebody follows it */
  constructor(request: Request, open?: OpenRequests) {
    super(request)
    this.open = open
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
