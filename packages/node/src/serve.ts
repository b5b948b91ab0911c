import type { EventEmitter } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ServerHttp2Session } from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import { InvalidOptionError } from '@curfew/core'
import {
  type Closed,
  type CloseOptions,
  closeGracefully,
  Lifetime,
  type LifetimeOptions,
  lifetimeOptionNames,
  splitOptions,
} from '@curfew/core/adapter'
import type { ServerType } from '@hono/node-server'
import { attending } from './attending.ts'
import type { Incoming, Outgoing } from './connection.ts'
import { ConnectionToll } from './connection-toll.ts'
import { type ListenerOptions, listenerOptionNames } from './create-listener.ts'
import { type CreateServer, createServer, type NodeOptions } from './create-server.ts'
import type { WritingGuardOptions } from './exchange-guard.ts'
import type { FetchHandler } from './fetch-callback.ts'
import type { ListenerApp, ListenerHandler, WritingListener } from './guard-listener.ts'
import { endWith } from './last-response.ts'
import { OpenConnections } from './open-connections.ts'
import { whileListening } from './open-servers.ts'

/** Where and how to serve a fetch handler, and what the guard may be told. */
export interface ServeOptions extends ListenerOptions, LifetimeOptions, ServerOptions {
  fetch: FetchHandler
  listener?: undefined
  /** A `WebSocketServer` of the `ws` package made with `noServer: true`, for node-server's `upgradeWebSocket`. */
  websocket?: { server: WebSocketServerLike }
}

/** The same for a listener that writes by itself, under `guardListener()` if the guard is told anything. */
export interface ServeListenerOptions<
  Req extends Incoming = IncomingMessage,
  Res extends Outgoing = ServerResponse,
> extends WritingGuardOptions,
    LifetimeOptions,
    ServerOptions {
  /** `(req, res) => …`, an app of Express or Connect, `app.callback()` of Koa; with the scope if it is guarded here. */
  listener: ListenerHandler<Req, Res>
  fetch?: undefined
}

/** The same for an app of Express or Connect, whose third argument is not the scope. */
export interface ServeAppOptions extends Omit<ServeListenerOptions, 'listener'> {
  listener: ListenerApp
}

interface ServerOptions {
  /** The interface to listen on (default: all), and for a fetch handler the host of a request that names none. */
  hostname?: string
  /** Default 3000; 0 for any that is free. Digits will do, as in `process.env.PORT`. */
  port?: number | string
  /** `createServer` of `node:http` (the default), `node:https` or `node:http2`, or its `createSecureServer`. */
  createServer?: CreateServer
  /** What that function is given: the certificate, say. */
  serverOptions?: NodeOptions
}

/** Either of them. */
export type AnyServeOptions = Omit<ServeOptions, 'fetch' | 'listener'> & {
  fetch?: FetchHandler | undefined
  listener?: WritingListener | undefined
}

/** As much of the `ws` package's `WebSocketServer` as there is to know; node-server's own type refuses it. */
export interface WebSocketServerLike {
  readonly options: { noServer?: boolean | undefined }
  handleUpgrade(...args: never[]): void
  on(...args: never[]): unknown
}

/** A server that listens. */
export interface CurfewServer {
  /** Node's own server, for what Curfew does not do. */
  readonly server: ServerType
  /** The address, once it listens; rejects if it cannot, which is an unhandled rejection if nobody waits for it. */
  readonly listening: Promise<AddressInfo>
  /** Whether it takes requests: `false` from the moment that `close()` is called, for a route of your own to say so. */
  readonly isReady: boolean
  /**
   * Stops: it is not ready any more, and for `noticeMs` milliseconds (default 0) goes on all the same. Then nobody new is
   * let in, idle connections end, and requests may finish for `graceMs` milliseconds (default 10 000). Who is not done by
   * then is aborted with a `ShutdownError` and answered 503; a response that is still being written is cut off. Resolves
   * with what became of them when the last connection has ended, and hooks and reporters are done (5 s at most).
   *
   * @throws {InvalidOptionError} for what is no number of milliseconds
   */
  close(options?: CloseOptions): Promise<Closed>
}

const names = [
  ...(['fetch', 'listener', 'port', 'createServer', 'serverOptions', 'websocket'] as const),
  ...listenerOptionNames,
  ...lifetimeOptionNames,
] as const

const SWEEP_MS = 20

/**
 * Serves a fetch handler ({@link createListener}), or a listener that writes by itself, an app of Express, say
 * ({@link guardListener}): with a server around it whose `close()` lets requests finish. Given any option of a guard it
 * guards; given none, guards further in decide.
 *
 * @throws {InvalidOptionError} for an option that is unknown or has a value that it cannot have
 *
 * @example
 * ```ts
 * const server = serve({ fetch: app.fetch, port: 3000, timeoutMs: 5_000 })
 * console.log('listening on', (await server.listening).port)
 * await server.close({ graceMs: 10_000 })
 *
 * serve({ listener: expressApp, port: 3001, signals: true, health: true })
 * ```
 */
export function serve(options: ServeOptions): CurfewServer
export function serve(options: ServeAppOptions): CurfewServer
export function serve<Req extends Incoming = IncomingMessage, Res extends Outgoing = ServerResponse>(
  options: ServeListenerOptions<Req, Res>,
): CurfewServer
export function serve(options: object): CurfewServer {
  const { own, guardOptions } = splitOptions(options as AnyServeOptions, names)
  const port = parsePort(own.port)
  const lifetime = new Lifetime(own)
  const open = new OpenConnections()
  if (guardOptions.reporter) open.afterwards.told(guardOptions.reporter)
  const server = createServer(own, guardOptions, open, (listener) => attending(listener, lifetime))

  const sockets = tracked<Socket>(server, 'connection')
  const secure = tracked<Socket>(server, 'secureConnection')
  const sessions = tracked<ServerHttp2Session>(server, 'session')

  // If nobody waits for it, or listens to the server, that it cannot listen ends the process, as it does without Curfew.
  const listening = new Promise<AddressInfo>((resolve, reject) => {
    server.once('error', (error) => {
      lifetime.abandon()
      reject(error)
      if (server.listenerCount('error') > 0) listening.catch(() => {})
    })
    server.listen(port, own.hostname, () => resolve(server.address() as AddressInfo))
  })

  /** Node's own closeIdleConnections() takes a response that has ended for one that has been written. */
  function endIdle(): void {
    for (const session of sessions) session.close()
    const busy = new Set([...open].map(({ socket }) => socket))
    for (const socket of isSecure(server) ? secure : sockets) {
      if (!busy.has(socket) && !isUpgraded(socket) && isHttp1(server, socket)) socket.destroySoon()
    }
    if (isSecure(server)) endHandshakes()
    // Node does not always notice that the client of an HTTP/2 session over TLS has gone.
    for (const socket of sockets) if (socket.remoteAddress === undefined) socket.destroy()
  }

  /** A socket under TLS is another object, known by its port; without one the handshake is not over. */
  function endHandshakes(): void {
    const shaken = new Set([...secure].map(({ remotePort }) => remotePort))
    for (const socket of sockets) if (!shaken.has(socket.remotePort)) socket.destroySoon()
  }

  let isStopping = false
  // server.close() calls it, too.
  if ('closeIdleConnections' in server) {
    server.closeIdleConnections = () => {
      if (!isStopping) endIdle()
    }
  }

  function notice(): void {
    for (const { outgoing, socket } of open) endWith(outgoing, { socket })
    // No streams are refused by that, for this is the highest that there can be.
    for (const session of sessions) if (!session.destroyed) session.goaway(0, 2 ** 31 - 1)
  }

  async function stop(graceMs: number): Promise<Closed> {
    const toll = new ConnectionToll(open)
    // What does not listen yet cannot be closed, and would listen afterwards.
    await listening.catch(() => {})
    isStopping = true
    const closed = new Promise<void>((resolve) => server.close(() => resolve()))
    await polled()
    endIdle()
    const sweep = setInterval(endIdle, SWEEP_MS)
    return closeGracefully(graceMs, {
      ended: closed,
      shutDown() {
        toll.shutDown()
        for (const connection of [...open]) connection.shutDown()
      },
      cutOff() {
        toll.cutOff()
        for (const connection of [...open]) connection.cutOff()
        for (const socket of sockets) socket.destroy()
      },
      toll: () => toll.count(),
      afterwards: open.afterwards,
    }).finally(() => clearInterval(sweep))
  }

  lifetime.start({ notice, stop })
  whileListening(server, lifetime)
  return {
    server,
    listening,
    get isReady() {
      return lifetime.isReady
    },
    close: lifetime.close,
  }
}

/** What has come over connections by now has been read: who has sent a request is not idle. */
async function polled(): Promise<void> {
  // The first one may come without a look at the sockets.
  for (let turn = 0; turn < 2; turn++) await new Promise<void>((resolve) => setImmediate(resolve))
}

/** Node would take a text that is no number for the path of a socket. */
function parsePort(port: number | string = 3000): number {
  const parsed = typeof port === 'string' && /^\d+$/.test(port) ? Number(port) : port
  if (typeof parsed === 'number' && Number.isInteger(parsed) && parsed >= 0 && parsed <= 65_535) return parsed
  throw new InvalidOptionError('port', 'a number from 0 to 65535', port)
}

/** What the server has opened of a kind, as long as it is open. */
function tracked<T extends Socket | ServerHttp2Session>(server: ServerType, event: string): ReadonlySet<T> {
  const open = new Set<T>()
  ;(server as EventEmitter).on(event, (one: T) => {
    open.add(one)
    one.once('close', () => open.delete(one))
  })
  return open
}

/** Node takes its parser off a socket that has left HTTP, for a WebSocket. */
function isUpgraded(socket: Socket): boolean {
  return Reflect.get(socket, 'parser') === null
}

function isSecure(server: ServerType): boolean {
  return 'setSecureContext' in server
}

/** Whether the socket speaks HTTP/1.1: over HTTP/2 it is its session that ends it. */
function isHttp1(server: ServerType, socket: Socket): boolean {
  if (!('updateSettings' in server)) return true
  return 'alpnProtocol' in socket && socket.alpnProtocol !== 'h2'
}
