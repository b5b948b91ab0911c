import {
  findScope,
  type GuardOptions,
  type HandlerResult,
  InvalidOptionError,
  NoResponseError,
  problem,
  type Scope,
} from '@curfew/core'
import {
  attachClient,
  type Closed,
  type CloseOptions,
  closeGracefully,
  complain,
  guardWhenTold,
  isThenable,
  isTold,
  isUpgrade,
  Lifetime,
  type LifetimeOptions,
  lifetimeOptionNames,
  OpenRequests,
  splitOptions,
  thrownResponse,
  toResponse,
} from '@curfew/core/adapter'
import { BunClient, keepCookiesBack, type Served } from './bun-client.ts'
import { type BunServer, bun, type WebSocketHandler } from './bun-server.ts'
import { checkedIdleTimeout } from './guard.ts'
import { mapHandlers, type Result, type Route, type RouteHandler } from './routes.ts'

/** What `Bun.serve()` takes, and what the guard may be told. */
export interface ServeOptions<Path extends string = string, Server extends BunServer = BunServer>
  extends GuardOptions,
    LifetimeOptions {
  /** Answers what no route does. */
  fetch?(request: Request, server: Server): Result
  routes?: { readonly [Each in Path]: Route<Each, Server> }
  websocket?: WebSocketHandler
  /** Default: `PORT` in the environment, or 3000; 0 for any that is free. */
  port?: number | string
  hostname?: string
  /** The path of a unix socket to listen on instead. */
  unix?: string
  tls?: object
  /**
   * Seconds without a byte after which Bun closes a connection that no guard follows; 10 by default, 0 for never. Bun
   * counts in steps of four seconds, so less than 5 would cut off requests that have just come: it is taken for 5.
   */
  idleTimeout?: number
  maxRequestBodySize?: number
  development?: boolean | object
  /**
   * Answers for what a handler throws; a guard has recorded it by then (`rethrow` is `true`). Without it that is a 500
   * without the message, also in development.
   */
  error?(this: Server, error: Error): Response | Promise<Response> | void | Promise<void>
  id?: string | null
  reusePort?: boolean
  ipv6Only?: boolean
  http1?: boolean
  http2?: boolean
  http3?: boolean
  /** What else `Bun.serve()` can be told. */
  serverOptions?: object
}

/** A server that listens. */
export interface CurfewServer<Server extends BunServer = BunServer> {
  /**
   * Bun's own server, for what Curfew does not do. Its `stop(true)` counts as the end of the server, too, and not as
   * clients that left; what its `reload()` is given, no guard of `serve()` sees.
   */
  readonly server: Server
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
  'fetch',
  'routes',
  'websocket',
  'port',
  'hostname',
  'unix',
  'tls',
  'idleTimeout',
  'maxRequestBodySize',
  'development',
  'error',
  'id',
  'reusePort',
  'ipv6Only',
  'http1',
  'http2',
  'http3',
  'serverOptions',
  ...lifetimeOptionNames,
] as const

/** The steps in which Bun looks for idle connections, in seconds. */
const SWEEP = 4

/**
 * `Bun.serve()` with one ending for each request. Given any option of a guard, it guards `fetch` and the handlers of
 * `routes`, with one guard for all of them. Given none it does not, so that guards further in (the `curfew()` of a Hono
 * app, say) decide and answer by themselves; they, too, then see the connection.
 *
 * @throws {InvalidOptionError} for an option that is unknown or has a value that it cannot have
 *
 * @example
 * ```ts
 * const { server, close } = serve({
 *   routes: { '/users/:id': async (request) => Response.json(await find(request.params.id)) },
 *   fetch: () => new Response('Not found', { status: 404 }),
 *   port: 3000,
 *   timeoutMs: 5_000,
 * })
 * await close({ graceMs: 10_000 })
 * ```
 */
export function serve<const Path extends string = string, Server extends BunServer = BunServer>(
  options: ServeOptions<Path, Server>,
): CurfewServer<Server> {
  const { own, guardOptions } = splitOptions<ServeOptions<Path, Server>>(options, names)
  const { fetch, routes, error, serverOptions, idleTimeout: told, signals, health, ...bunOptions } = own
  if (fetch !== undefined || !routes) checkFunction('fetch', fetch)
  if (error !== undefined) {
    checkFunction('error', error)
    if (isTold(guardOptions)) guardOptions.rethrow ??= true
  }
  const seconds = checkedIdleTimeout(told)
  const idleTimeout = seconds === 0 ? 0 : Math.max(seconds, SWEEP + 1)
  const lifetime = new Lifetime(own)
  const open = new OpenRequests(guardOptions.reporter)
  const served = { open, idleTimeout, websockets: own.websocket !== undefined }
  const follow = followed(guardOptions, served, lifetime)

  const server = bun().serve({
    ...serverOptions,
    ...bunOptions,
    ...(own.unix === undefined && { idleTimeout }),
    ...(fetch && { fetch: follow(fetch as RouteHandler) }),
    ...((routes || lifetime.health) && {
      routes: { ...(routes && mapHandlers(routes, follow)), ...probes(lifetime) },
    }),
    error: error ?? contained,
  }) as Server
  const stopNow = tellingStop(server, open)

  function stop(graceMs: number): Promise<Closed> {
    const total = server.pendingRequests
    let cutOff = 0
    return closeGracefully(graceMs, {
      ended: server.stop(),
      shutDown: () => open.shutDown(),
      cutOff() {
        cutOff = server.pendingRequests
        return stopNow()
      },
      toll: () => ({ total, shutDown: open.shutDowns, cutOff }),
      afterwards: open.afterwards,
    })
  }

  lifetime.start({ notice() {}, stop })
  return {
    server,
    get isReady() {
      return lifetime.isReady
    },
    close: lifetime.close,
  }
}

/** The routes of those who look after the server, which no guard sees. */
function probes({ health }: Lifetime): Record<string, Record<string, (request: Request) => Response>> {
  const answer = ({ method, url }: Request): Response => toResponse(health!.answer(method, url)!, method)
  const routes = health?.paths.map((path) => [path, { GET: answer, HEAD: answer }])
  return Object.fromEntries(routes ?? [])
}

function checkFunction(name: string, value: unknown): void {
  if (typeof value !== 'function') throw new InvalidOptionError(name, 'a function', value)
}

/** Puts a client that can be followed on each request, and one guard around all handlers, if there is to be one. */
function followed(
  guardOptions: GuardOptions,
  served: Served,
  lifetime: Lifetime,
): (handler: RouteHandler, path?: string) => RouteHandler {
  const isGuarded = isTold(guardOptions)
  const run = guardWhenTold(
    (request: Request, server: BunServer, handler: RouteHandler, routeOf: Scope['routeOf']) => {
      const scope = findScope(request)
      if (scope) keepCookiesBack(request)
      if (scope && routeOf) scope.routeOf = routeOf
      return handler.call(server, request as Parameters<RouteHandler>[0], server)
    },
    guardOptions,
  )
  return (handler, path) => {
    const routeOf = path === undefined ? undefined : () => path
    return (request, server) => {
      attachClient(request, new BunClient(request, server, served))
      const result = run(request, server, handler, routeOf)
      if (!isThenable(result)) return sent(answered(result, request))
      return result.then((value) => sent(isGuarded ? value : answered(value, request)))
    }
  }

  /** Once the server is about to stop, it says that the connection ends; HTTP/2 leaves that out. */
  function sent(response: HandlerResult): HandlerResult {
    if (lifetime.isReady) return response
    try {
      response?.headers.set('connection', 'close')
    } catch {
      // The head of what fetch() gave cannot be changed.
    }
    return response
  }

  /** Bun welcomes whoever gets nothing from a handler. Who has become a WebSocket needs nothing. */
  function answered(result: HandlerResult, request: Request): HandlerResult {
    if (result === undefined && !(served.websockets && isUpgrade(request))) throw new NoResponseError(result)
    return result
  }
}

/** Bun's own answer in development is a page with the source of the handler. */
function contained(error: unknown): Response {
  const response = thrownResponse(error)
  if (response) return response
  complain('Curfew: a handler failed that nothing guards:', error)
  return problem(500, 'HANDLER_FAILED')
}

/** Whoever stops the server at once, its requests are told before their connections are cut; gives that stop. */
function tellingStop(server: BunServer, open: OpenRequests): () => Promise<void> {
  const stop = server.stop.bind(server)
  function tellAndStop(closeActiveConnections?: boolean): Promise<void> {
    if (closeActiveConnections) {
      open.shutDown()
      open.cutOff()
    }
    return stop(closeActiveConnections)
  }
  Object.defineProperty(server, 'stop', { value: tellAndStop, configurable: true, writable: true })
  // What `using server = …` calls: Bun's own does not go by `stop`.
  const { dispose } = Symbol as { dispose?: symbol }
  if (dispose)
    Object.defineProperty(server, dispose, { value: () => void tellAndStop(true), configurable: true })
  return () => tellAndStop(true)
}
