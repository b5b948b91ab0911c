import { type GuardOptions, type HandlerResult, InvalidOptionError } from '@curfew/core'
import {
  type Closed,
  type CloseOptions,
  closeGracefully,
  guardWhenTold,
  type Health,
  Lifetime,
  type LifetimeOptions,
  lifetimeOptionNames,
  OpenRequests,
  splitOptions,
  toResponse,
} from '@curfew/core/adapter'
import { answering, type ErrorHandler, type ServeHandler } from './answering.ts'
import { errorHandler } from './error-handler.ts'
import { type DenoServer, denoRuntime, type NetAddress, type ServeInfo, type UnixAddress } from './runtime.ts'

/** Any Web-standard handler; a Hono app's `fetch` is one. */
export type FetchHandler = (request: Request, info: never) => HandlerResult | PromiseLike<HandlerResult>

/** Where and how to listen, and what the guard may be told. */
export interface ServeOptions extends GuardOptions, LifetimeOptions {
  fetch: FetchHandler
  /** Default 8000; 0 for any that is free. */
  port?: number
  /** Default `0.0.0.0`. */
  hostname?: string
  /** A Unix socket to listen on instead. */
  path?: string
  /** The certificate, in PEM; with `key` it is HTTPS, with HTTP/2. */
  cert?: string
  key?: string
  reusePort?: boolean
  tcpBacklog?: number
  /** Whether Deno compresses what it finds worth it. */
  automaticCompression?: boolean
  /** Aborted, it stops the server at once: handlers are aborted with a `ShutdownError`, connections are cut off. */
  signal?: AbortSignal
  /** Told the address as soon as it listens. By default nothing is printed. */
  onListen?: (address: never) => void
  /**
   * Answers for what reaches Deno unhandled, and hears of streams that break. Not told of clients that have left, nor of
   * what Curfew itself breaks off. By default a 500 that says nothing, and a line on the console.
   */
  onError?: ErrorHandler
  /** What else `Deno.serve()` takes. */
  serverOptions?: object
}

/** A server that listens. */
export interface CurfewServer<Address = NetAddress> {
  /** Deno's own server. Leave `shutdown()` to {@link CurfewServer.close}. */
  readonly server: DenoServer<Address>
  /** Whether it takes requests: `false` from the moment that `close()` is called, for a route of your own to say so. */
  readonly isReady: boolean
  /**
   * Stops: it is not ready any more, and for `noticeMs` milliseconds (default 0) goes on all the same. Then nobody new is
   * let in, idle connections and WebSockets end, and requests may finish for `graceMs` milliseconds (default 10 000). Who
   * is not done by then is aborted with a `ShutdownError` and answered 503; streams that are followed (event streams,
   * `streaming()`) are broken off. Resolves with what became of them when the last connection has ended, or 2 s later
   * (Deno cannot cut off a client that does not read, nor a stream or a handler that nobody follows; the end of the
   * process can), and hooks and reporters are done (5 s at most).
   *
   * @throws {InvalidOptionError} for what is no number of milliseconds
   */
  close(options?: CloseOptions): Promise<Closed>
}

const listenNames = [
  'port',
  'hostname',
  'path',
  'cert',
  'key',
  'reusePort',
  'tcpBacklog',
  'automaticCompression',
] as const
const names = [
  ...listenNames,
  ...lifetimeOptionNames,
  'fetch',
  'signal',
  'onListen',
  'onError',
  'serverOptions',
] as const

/** How long what has been broken off may take to end, in milliseconds. */
const CUT_OFF_MS = 1_000

/**
 * Serves a fetch handler with `Deno.serve()`, each request with a watched client, and with a `close()` that lets requests
 * finish. It guards the handler when it is given any option of a guard; otherwise guards further in decide.
 *
 * @throws {InvalidOptionError} for an option that is unknown or has a value that it cannot have
 *
 * @example
 * ```ts
 * const server = serve({ fetch: app.fetch, port: 3000, timeoutMs: 5_000 })
 * console.log('listening on', server.server.addr.port)
 * await server.close({ graceMs: 10_000 })
 * ```
 */
export function serve(options: ServeOptions & { path: string }): CurfewServer<UnixAddress>
export function serve(options: ServeOptions): CurfewServer
export function serve(options: ServeOptions): CurfewServer<never> {
  const { own, guardOptions } = splitOptions<ServeOptions>(options, names)
  const { fetch, signal, onListen = () => {}, serverOptions } = own
  if (typeof fetch !== 'function') throw new InvalidOptionError('fetch', 'a function', fetch)
  const deno = denoRuntime()
  if (!deno) throw new TypeError('Deno.serve() is not there: @curfew/deno runs on Deno')

  const lifetime = new Lifetime(own)
  const open = new OpenRequests(guardOptions.reporter)
  const onError = errorHandler(own.onError)
  const handler = guardWhenTold(fetch as ServeHandler<ServeInfo<unknown>>, guardOptions)
  const forced = new AbortController()

  /** Once the server is about to stop, it says that the connection ends; HTTP/2 leaves that out. */
  function sent(response: Response): Response {
    if (lifetime.isReady || response.status === 101) return response
    try {
      response.headers.set('connection', 'close')
    } catch {
      // The head of what fetch() gave cannot be changed.
    }
    return response
  }

  const server = deno.serve(
    { ...serverOptions, ...listenOptions(own), onListen, onError, signal: forced.signal },
    attended(answering(handler, onError, open, sent), lifetime.health),
  )

  let stopping = false
  let ended = false
  const end = (): void => {
    ended = true
  }
  server.finished.then(end, end)

  function halt(): void {
    open.shutDown()
    open.cutOff()
    // The answers to those who were cut short go out first.
    setTimeout(() => {
      // Deno throws where nobody can catch it when it is told to stop what has stopped, or has begun to.
      if (!ended && !stopping) forced.abort()
    })
  }
  if (signal?.aborted) halt()
  else signal?.addEventListener('abort', halt, { once: true })

  async function stop(graceMs: number): Promise<Closed> {
    stopping = true
    const [begunBefore, atWork] = [open.begun, open.underWay]
    let cutOff = 0
    let giveUp = (): void => {}
    const givenUp = new Promise<void>((resolve) => {
      giveUp = resolve
    })
    let timer: ReturnType<typeof setTimeout> | undefined
    return closeGracefully(graceMs, {
      ended: Promise.race([server.shutdown(), givenUp]),
      shutDown: () => open.shutDown(),
      cutOff() {
        cutOff = open.underWay
        open.cutOff()
        timer = setTimeout(giveUp, CUT_OFF_MS)
      },
      toll: () => ({
        total: atWork + open.begun - begunBefore,
        shutDown: open.shutDowns,
        cutOff,
      }),
      afterwards: open.afterwards,
    }).finally(() => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', halt)
    })
  }

  lifetime.start({ notice() {}, stop })
  return {
    server: server as DenoServer<never>,
    get isReady() {
      return lifetime.isReady
    },
    close: lifetime.close,
  }
}

/** The handler, and who answers those who look after the server before it. */
function attended<Info>(
  handler: (request: Request, info: Info) => Response | Promise<Response>,
  health: Health | undefined,
): typeof handler {
  if (!health) return handler
  return (request, info) => {
    const verdict = health.answer(request.method, request.url)
    return verdict ? toResponse(verdict, request.method) : handler(request, info)
  }
}

/** Deno takes a `path` that is `undefined` for one. */
function listenOptions(own: Partial<ServeOptions>): object {
  return Object.fromEntries(
    listenNames.flatMap((name) => (own[name] === undefined ? [] : [[name, own[name]]])),
  )
}
