import { AsyncResource } from 'node:async_hooks'
import type { EventEmitter } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse, ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import { problem, ShutdownError, type StreamTimeoutError } from '@curfew/core'
import type { Afterwards, Client, ClientWatcher, Place } from '@curfew/core/adapter'
import type { Where } from '@curfew/core/report'
import { isInjected } from './injected.ts'
import { close, type NodeResponse } from './node-response.ts'
import type { OpenConnections } from './open-connections.ts'
import { where } from './where.ts'

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
  readonly where: Where = where
  /** What is written: another response takes the place of a handler's that is not to be sent. */
  outgoing: Outgoing
  readonly socket: Socket
  /** Whether the client wants the head alone. */
  readonly headOnly: boolean
  /** Whether the handler has taken it upon itself to write the response. */
  leftToHandler = false
  protected readonly incoming: Incoming
  protected readonly stream: ServerHttp2Stream | undefined
  private readonly open: OpenConnections
  /** As long as the exchange is not over. */
  private place: Place<Connection> | undefined
  private watchers = nobody
  private failure: { readonly error: unknown; readonly status?: number } | undefined
  private closeOutgoing: (() => void) | undefined

  /** @param open where the exchange is kept until it is over */
  constructor(incoming: Incoming, outgoing: Outgoing, open: OpenConnections) {
    this.incoming = incoming
    this.outgoing = outgoing
    this.socket = incoming.socket as Socket
    this.headOnly = incoming.method === 'HEAD'
    this.stream = 'stream' in outgoing ? outgoing.stream : undefined
    this.open = open
    this.place = open.add(this)
    this.end.on('close', this.over)
    // Before Node 24, pipelined responses hear nothing of a connection that closes before their turn.
    if (!this.multiplexed && outgoing.socket === null) this.closeWithSocket()
  }

  /** Who says that the exchange is over: the response to a HEAD says nothing when its stream is reset. */
  private get end(): EventEmitter {
    return this.stream ?? this.outgoing
  }

  /** Leaves the exchange to somebody else who will follow it, and says where it is to be kept. */
  handOver(): OpenConnections {
    this.end.off('close', this.over)
    if (this.closeOutgoing) forget(this.socket, this.closeOutgoing)
    if (this.place) this.open.withdraw(this.place)
    this.place = undefined
    return this.open
  }

  get afterwards(): Afterwards {
    return this.open.afterwards
  }

  get closed(): boolean {
    return this.ended && !this.delivered
  }

  /** Whether nothing can be written any more. */
  get ended(): boolean {
    if (this.stream) return this.stream.destroyed || this.stream.closed
    return this.outgoing.destroyed || this.socket.destroyed
  }

  /** Whether the client has the head, or will have it. */
  get begun(): boolean {
    return this.outgoing.headersSent
  }

  /** Whether other exchanges share the connection at the same time, as they do in HTTP/2. */
  get multiplexed(): boolean {
    return this.stream !== undefined
  }

  /**
   * What waits in Node's buffer, or beyond it because nobody takes it out, is not the client's to send any more; nor is
   * what its reader has given up.
   */
  owesBody(): boolean {
    const { incoming } = this
    if (incoming.destroyed) return false
    const isRead = incoming.readableFlowing || incoming.listenerCount('readable') > 0
    return isRead && !incoming.complete && !incoming.readableEnded && incoming.readableLength === 0
  }

  /** Not `AsyncLocalStorage.snapshot()`, which costs a hundred times as much. */
  snapshot(): (work: () => void) => void {
    const resource = new AsyncResource('CURFEW')
    return (work) => resource.runInAsyncScope(work)
  }

  watch(watcher: ClientWatcher): void {
    this.watchers = this.watchers === nobody ? [watcher] : [...this.watchers, watcher]
    if (this.ended) this.over()
  }

  unwatch(watcher: ClientWatcher): void {
    if (this.watchers !== nobody) this.watchers = this.watchers.filter((other) => other !== watcher)
  }

  /** Settles once HTTP/2 has taken the last byte: node-server ends the streams of uploads that were not read. */
  async flushed(): Promise<void> {
    const { stream } = this
    if (!stream || stream.writableFinished || stream.destroyed) return
    await new Promise<void>((resolve) => {
      stream.once('finish', resolve)
      stream.once('close', resolve)
    })
  }

  /** Nobody waits any longer: a handler that has not answered is answered for, a response that has begun is cut off. */
  shutDown(): void {
    if (this.begun) this.cutOff()
    else for (const watcher of this.watchers) watcher.shutDown()
  }

  /** Cuts off a response that takes too long. */
  protected struck(error: StreamTimeoutError, lateMs: number): void {
    for (const watcher of this.watchers) watcher.streamStruck(error, lateMs)
    this.breakOff(error)
  }

  /** What is still being written is being cut off, because of `error`; which may be that the client is gone. */
  protected broken(error: unknown): void {
    if (this.ended) return
    this.failure ??= { error }
    breaking.set(this.socket, error)
  }

  /** Cuts off what is still being written. */
  cutOff(): void {
    this.failure ??= { error: new ShutdownError() }
    this.reset()
  }

  /** Ends what cannot be completed: with a 500 as long as nothing has been sent, by a reset after that. */
  breakOff(error: unknown): void {
    if (this.ended) return
    if (this.begun) {
      this.failure = { error }
      return this.reset()
    }
    const response = problem(500, 'HANDLER_FAILED')
    this.failure = { error, status: response.status }
    for (const name of this.outgoing.getHeaderNames()) this.outgoing.removeHeader(name)
    this.outgoing.statusCode = response.status
    // A head that failed has left its own words there.
    if (!this.multiplexed) this.outgoing.statusMessage = 'Internal Server Error'
    this.outgoing.setHeader('content-type', 'application/problem+json')
    void response.text().then((body) => this.outgoing.end(body))
  }

  /** What node-server, or middleware, has yet to write is complete. */
  interrupt(error: unknown): { readonly status?: number } | undefined {
    if (this.ended || this.outgoing.writableEnded || !(this.begun || this.leftToHandler)) return undefined
    this.breakOff(error)
    return this.failure
  }

  /** A clean end would pass half a response off as a whole one. */
  private reset(): void {
    if (this.stream) this.stream.close(INTERNAL_ERROR)
    // In a pipeline, what is before it has to be written first.
    else if (this.outgoing.socket === null) this.outgoing.once('socket', () => this.reset())
    // A server takes any duplex for a connection that is handed to it, and not all of them can be reset.
    else if ('encrypted' in this.socket || !('resetAndDestroy' in this.socket)) this.socket.destroy()
    else this.socket.resetAndDestroy()
  }

  private readonly over = (): void => {
    if (this.place) this.open.leave(this.place)
    this.place = undefined
    if (this.closeOutgoing) forget(this.socket, this.closeOutgoing)
    this.endUpload()
    const { watchers } = this
    this.watchers = nobody
    for (const watcher of watchers) {
      if (this.failure) watcher.broke(this.failure.error, this.failure.status)
      else if (this.delivered) watcher.delivered()
      else watcher.clientClosed()
    }
  }

  /** Node 24 tells it after the socket's own listeners have run. Closed it has to be, too, for who looks at it later. */
  private closeWithSocket(): void {
    const closeOutgoing = (): void => {
      setImmediate(() => {
        if (this.place) close(this.outgoing as NodeResponse)
      })
    }
    this.closeOutgoing = closeOutgoing
    whenClosed(this.socket, closeOutgoing)
  }

  /** Once it has its response, Node forgets a request whose upload goes on: who reads it would wait for ever. */
  private endUpload(): void {
    const { incoming, socket } = this
    if (incoming.complete || this.multiplexed) return
    if (incoming.destroyed) return this.skipUpload()
    const end = (): void => void incoming.destroy()
    if (socket.destroyed) return end()
    whenClosed(socket, end)
    incoming.once('close', () => {
      forget(socket, end)
      this.skipUpload()
    })
  }

  /** Nobody reads it any more. Node skips what nobody has begun to read; for the rest the client would wait to no end. */
  private skipUpload(): void {
    const { incoming, socket } = this
    if (incoming.complete || socket.destroyed || isInjected(this.outgoing)) return
    Reflect.set(incoming, '_dumped', true)
    socket.resume()
  }

  /** Node 20 says `finish` for what the client never took: then the socket has an error. */
  private get delivered(): boolean {
    const { writableEnded, writableFinished } = this.outgoing
    if (isInjected(this.outgoing)) return writableEnded
    if (!writableEnded || !writableFinished || this.multiplexed) return writableEnded && writableFinished
    const { errored } = this.socket
    return !errored || errored === breaking.get(this.socket)
  }
}

const INTERNAL_ERROR = 2

/** So that none is made for each request. */
const nobody: readonly ClientWatcher[] = []

/**
 * With what error the response that has the socket was broken off: if it ends the socket, what came before it has been
 * written all the same.
 */
const breaking = new WeakMap<Socket, unknown>()

/** Who is told when a socket closes: one listener for all of them, for many requests may share it. */
const closing = new WeakMap<Socket, Set<() => void>>()

function whenClosed(socket: Socket, listener: () => void): void {
  const known = closing.get(socket)
  if (known) {
    known.add(listener)
    return
  }
  const listeners = new Set([listener])
  closing.set(socket, listeners)
  socket.once('close', () => {
    for (const each of [...listeners]) each()
  })
}

function forget(socket: Socket, listener: () => void): void {
  closing.get(socket)?.delete(listener)
}
