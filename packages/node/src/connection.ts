import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse, ServerHttp2Stream } from 'node:http2'
import { Socket } from 'node:net'
import { type Client, type ClientWatcher, problem, ShutdownError } from '@curfew/core'

export type Incoming = IncomingMessage | Http2ServerRequest
export type Outgoing = ServerResponse | Http2ServerResponse

/**
 * One exchange as Node itself sees it, over HTTP/1.1 and HTTP/2. Following it takes one listener and no
 * AbortController, and it also tells how the writing of the response went.
 */
export class Connection implements Client {
  readonly cheap = true
  readonly tellsDelivery = true
  /** Node hands upgrades to another listener; what arrives here with such a header is a request like any other. */
  readonly upgrading = false
  readonly outgoing: Outgoing
  private readonly socket: Socket
  private readonly stream: ServerHttp2Stream | undefined
  private readonly open: Set<Connection>
  private watcher: ClientWatcher | undefined
  private failure: { readonly error: unknown; readonly status?: number } | undefined

  /** @param open where the exchange is kept as long as it is followed and not over */
  constructor(incoming: Incoming, outgoing: Outgoing, open: Set<Connection>) {
    this.outgoing = outgoing
    this.socket = incoming.socket as Socket
    this.stream = 'stream' in outgoing ? outgoing.stream : undefined
    this.open = open
  }

  get closed(): boolean {
    if (this.stream) return this.stream.destroyed || this.stream.closed
    return this.outgoing.destroyed || this.socket.destroyed
  }

  watch(watcher: ClientWatcher): void {
    this.watcher = watcher
    if (this.closed) return this.over()
    this.open.add(this)
    this.outgoing.once('close', this.over)
    // A pipelined response that is still waiting for its turn gets no event of its own on Node 20 and 22.
    if (!this.stream && this.outgoing.socket === null) whenClosed(this.socket).add(this.over)
  }

  unwatch(): void {
    this.watcher = undefined
  }

  /** Whether the connection is one of HTTP/2, shared with other exchanges. */
  get multiplexed(): boolean {
    return this.stream !== undefined
  }

  /**
   * Whether a body has to be written piece by piece. Node counts what a reset stream has left unsent against its
   * HTTP/2 session for good, and refuses every later stream of the session when that is too much.
   */
  mustPace(body: string | Uint8Array | null): boolean {
    return this.multiplexed && body !== null && body.length > PIECE_BYTES
  }

  /** Tells the guard that nobody waits for this handler any longer; it is answered 503. */
  shutDown(): void {
    this.watcher?.shutDown()
  }

  /**
   * Ends what cannot be completed: with a 500 as long as nothing has been sent, by a reset after that. A clean end
   * would pass half a response off as a whole one.
   */
  breakOff(error: unknown): void {
    if (this.closed) return
    if (!this.outgoing.headersSent) return this.writeFailure(error)
    this.failure = { error }
    if (this.stream) this.stream.close(INTERNAL_ERROR)
    else if (this.socket instanceof Socket && !('encrypted' in this.socket)) this.socket.resetAndDestroy()
    else this.socket.destroy()
  }

  private writeFailure(error: unknown): void {
    const response = problem(500, 'HANDLER_FAILED')
    this.failure = { error, status: response.status }
    for (const name of this.outgoing.getHeaderNames()) this.outgoing.removeHeader(name)
    this.outgoing.statusCode = response.status
    this.outgoing.setHeader('content-type', 'application/problem+json')
    void response.text().then((body) => this.outgoing.end(body))
  }

  private readonly over = (): void => {
    this.open.delete(this)
    closeListeners.get(this.socket)?.delete(this.over)
    const { watcher } = this
    this.watcher = undefined
    if (!watcher) return
    if (this.failure) watcher.broke(this.failure.error, this.failure.status)
    else if (this.delivered) watcher.delivered()
    else watcher.clientClosed()
  }

  /** Node 20 says `finish` for what the client never took: then the socket has an error. */
  private get delivered(): boolean {
    const { writableEnded, writableFinished } = this.outgoing
    return writableEnded && writableFinished && (this.stream !== undefined || !this.socket.errored)
  }

  /** Closes the connection under a response that is still being written when the grace period is over. */
  cut(): void {
    this.failure ??= { error: new ShutdownError() }
    if (this.stream) this.stream.close(INTERNAL_ERROR)
    else this.socket.destroy()
  }
}

const INTERNAL_ERROR = 2

/** How much is written at a time over HTTP/2. */
export const PIECE_BYTES: number = 64 * 1024

/** One listener a socket, however many pipelined requests wait on it. */
const closeListeners = new WeakMap<Socket, Set<() => void>>()

function whenClosed(socket: Socket): Set<() => void> {
  const known = closeListeners.get(socket)
  if (known) return known
  const listeners = new Set<() => void>()
  closeListeners.set(socket, listeners)
  socket.once('close', () => {
    for (const listener of [...listeners]) listener()
  })
  return listeners
}
