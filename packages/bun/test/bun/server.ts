// A server with a handler for everything that Bun does in its own way. What it is told stands in SETTINGS, as JSON.
import { AsyncLocalStorage } from 'node:async_hooks'
import { hostname } from 'node:os'
import { reporter } from '@curfew/core/report'
import {
  type BunRequest,
  type BunServer,
  type CloseOptions,
  type GuardOptions,
  guard,
  serve,
} from '../../src/index.ts'

interface Settings {
  /** What is called: serve(), or Bun's own with a guard in it. */
  how?: 'serve' | 'guard'
  /** Options of the guard; without them nothing is guarded. */
  guard?: GuardOptions
  /** Other options of serve(). */
  options?: { idleTimeout?: number; development?: boolean; http2?: boolean; health?: boolean }
  /** Whether there is an `error` option. */
  error?: boolean
  /** Whether it has WebSockets (default `true`). */
  websockets?: boolean
  /** Whether hooks throw. */
  hooksThrow?: boolean
}

const {
  how = 'serve',
  guard: limits,
  options,
  error,
  hooksThrow,
  websockets = true,
}: Settings = JSON.parse(process.env.SETTINGS ?? '{}')

const reports = reporter({
  hooks: [
    ({ error, request, where }) =>
      write({ event: 'report', route: request?.route, error: error?.name, where }),
  ],
})

const guardOptions: GuardOptions | undefined = limits && {
  ...limits,
  reporter: reports,
  onOutcome(outcome, request) {
    const { kind, status } = outcome
    const code = outcome.kind === 'failed' ? (outcome.error as { code?: string }).code : undefined
    const phase = 'phase' in outcome ? outcome.phase : undefined
    const { pathname, search } = new URL(request.url)
    write({ event: 'ending', kind, status, phase, code, path: pathname + search })
    if (hooksThrow) throw new Error('the hook threw')
  },
}

function write(record: object): void {
  console.log(JSON.stringify(record))
}

const context = new AsyncLocalStorage<string>()
const bytes = new Uint8Array(40 * 1024 * 1024)
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
const msOf = (request: Request): number => Number(new URL(request.url).searchParams.get('ms'))

/** An event, and then another one after so long; without end, or with one. */
function events(ms: number, ends: boolean): Response {
  let id = 0
  const body = new ReadableStream({
    async pull(controller) {
      if (id > 0) await sleep(ms)
      controller.enqueue(`data: ${id++}\n\n`)
      if (ends && id > 1) controller.close()
    },
    cancel: () => write({ event: 'cancelled' }),
  })
  return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
}

const handlers: Record<
  string,
  (request: Request, server: BunServer) => Response | undefined | Promise<Response | undefined>
> = {
  '/hello': (_request, server) => new Response(server === served.server ? 'hi' : 'another server'),
  '/slow': async (request) => {
    await sleep(msOf(request))
    return new Response('done')
  },
  // Its listener is to know whose it is.
  '/context': (request) =>
    context.run(request.url, async () => {
      request.signal.addEventListener('abort', () => {
        write({ event: 'context', isOwn: context.getStore() === request.url })
      })
      await sleep(60_000)
      return new Response('done')
    }),
  // Follows its client from the beginning.
  '/signal': async (request) => {
    const { pathname, search } = new URL(request.url)
    write({ event: 'started', path: pathname + search })
    request.signal.addEventListener('abort', () =>
      write({ event: 'aborted', code: request.signal.reason.code, path: new URL(request.url).pathname }),
    )
    await sleep(msOf(request))
    return new Response('done')
  },
  '/events': (request) => events(msOf(request), false),
  '/two-events': (request) => events(msOf(request), true),
  '/bytes': async (request) => {
    request.signal.addEventListener('abort', () => write({ event: 'reader-gone' }))
    await sleep(msOf(request))
    return new Response(bytes)
  },
  '/throw': () => {
    throw new Error('secret-of-throw')
  },
  '/throw-later': async () => {
    await sleep(1)
    throw new Error('secret-of-throw')
  },
  '/nothing': () => undefined,
  '/nothing-later': async () => {
    await sleep(1)
    return undefined
  },
  '/throw-response': () => {
    throw new Response('I am a teapot', { status: 418 })
  },
  '/upgrade': async (request, server) => {
    await sleep(msOf(request))
    if (server.upgrade(request, { data: { path: '/upgrade' } })) return undefined
    return new Response('No WebSocket', { status: 426 })
  },
  '/stop': async (request) => {
    const { searchParams } = new URL(request.url)
    const [call, graceMs] = [searchParams.get('call') ?? '', Number(searchParams.get('graceMs'))]
    const noticeMs = Number(searchParams.get('noticeMs'))
    setTimeout(() => void stop(call, { graceMs, noticeMs }), 20)
    return new Response('stopping')
  },
}

async function stop(call: string, options: { graceMs: number; noticeMs: number }): Promise<void> {
  const { server, close } = served
  let closed: object = {}
  if (call === 'close') closed = await close(options)
  else if (call === 'twice') [closed] = await Promise.all([close(options), close({ graceMs: 0 })])
  else if (call === 'stop') await server.stop()
  else if (call === 'stop-now') await server.stop(true)
  else if (call === 'dispose') (server as unknown as Disposable)[Symbol.dispose]()
  write({ event: 'stopped', call, ...closed })
}

function answer(request: Request, server: BunServer) {
  const handler = handlers[new URL(request.url).pathname]
  return handler ? handler(request, server) : new Response('Not found', { status: 404 })
}

function cookies(request: BunRequest): Response | Promise<Response> {
  request.cookies.set('secret', 'of handler; 20%é', { httpOnly: true })
  request.cookies.delete('old')
  const { how } = request.params
  if (how === 'throw') throw new Error('secret-of-throw')
  if (how === 'slow') return sleep(60_000).then(() => new Response('too late'))
  if (how === 'later') return sleep(20).then(() => new Response(request.cookies.get('seen')))
  return new Response(request.cookies.get('seen'))
}

const routes = {
  '/users/:id': (request: BunRequest<'/users/:id'>, server: BunServer) =>
    Response.json({
      id: request.params.id,
      server: server === served.server,
      isRequest: request instanceof Request,
    }),
  '/broken/:id': () => {
    throw new Error('secret-of-throw')
  },
  '/cookies/:how': cookies,
  '/methods': { GET: async () => new Response('of GET'), POST: new Response('static') },
  '/static': new Response('static'),
  '/off': false as const,
  '/socket': (request: BunRequest, server: BunServer) =>
    server.upgrade(request, { data: { path: '/socket' } }) ? undefined : new Response('No WebSocket'),
  '/routed-slow': async (request: BunRequest) => {
    await sleep(msOf(request))
    return new Response('done')
  },
}

const websocket = {
  message(socket: Bun.ServerWebSocket<{ path: string }>, message: string | Buffer) {
    socket.send(`${socket.data.path} ${message}`)
  },
}

const listen = { port: 0, hostname: '127.0.0.1' }
const onError = error && {
  error: (thrown: Error) => new Response(`error option: ${thrown.message}`, { status: 502 }),
}

function start(): { server: BunServer; close(options: CloseOptions): Promise<object> } {
  if (how === 'serve') {
    return serve({
      fetch: answer,
      routes,
      ...(websockets && { websocket }),
      ...listen,
      ...options,
      ...onError,
      ...guardOptions,
    })
  }
  const guarded = guard(answer, { ...guardOptions, idleTimeout: options?.idleTimeout ?? 10 })
  const server = Bun.serve({ fetch: guarded as never, websocket: websocket as never, ...listen, ...options })
  return { server, close: () => server.stop(true).then(() => ({})) }
}

const served = start()
write({ event: 'listening', url: served.server.url.origin, hostname: hostname() })
process.once('SIGTERM', () => process.exit())
