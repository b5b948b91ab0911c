// Run by Deno. What it does is told line by line on stdout, in JSON.
import process from 'node:process'
import { curfew } from '@curfew/hono'
import { Hono } from 'hono'
import { cors } from 'hono/cors'
import { upgradeWebSocket } from 'hono/deno'
import { guard, type Outcome, type ServeInfo, scopeOf, serve, streaming } from '../src/index.ts'
import { isStatic } from '../src/static-response.ts'

declare const Deno: {
  serve(options: object, handler: (request: Request, info: ServeInfo) => unknown): { addr: { port: number } }
  upgradeWebSocket(request: Request): { socket: WebSocket; response: Response }
}

const { MODE = 'serve', LIMIT_MS = '1000', GRACE_MS = '200', NOTICE_MS = '0' } = process.env
const encoder = new TextEncoder()

function tell(event: string, about: object = {}): void {
  console.log(JSON.stringify({ event, ...about }))
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

function pathOf(request: Request): string {
  const { pathname, search } = new URL(request.url)
  return pathname + search
}

function ticks(cancel = () => {}): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async pull(controller) {
      await sleep(20)
      controller.enqueue(encoder.encode('tick\n'))
    },
    cancel,
  })
}

function follow(request: Request): AbortSignal {
  const { signal } = request
  const path = pathOf(request)
  signal.addEventListener('abort', () => tell('abort', { path, code: signal.reason.code }))
  return signal
}

const never = (): Promise<Response> => new Promise(() => {})

let isClosing = (): void => {}
const closing = new Promise<void>((resolve) => {
  isClosing = resolve
})

type Routes = Record<string, (request: Request, info: ServeInfo) => Response | Promise<Response>>

const routes: Routes = {
  '/hello': () => new Response('hi'),
  '/echo': async (request) => new Response(String((await request.arrayBuffer()).byteLength)),
  '/echo-followed': async (request) => {
    follow(request)
    return new Response(String((await request.arrayBuffer()).byteLength))
  },
  '/never': never,
  '/followed-never': (request) => {
    follow(request)
    return never()
  },
  '/synchronous': (request) => {
    follow(request)
    return new Response('at once')
  },
  '/asynchronous': async (request) => {
    follow(request)
    await sleep(30)
    return new Response('later')
  },
  '/until-close': async () => {
    await closing
    return new Response('finished')
  },
  '/read-later': async (request) => {
    const scope = scopeOf(request)
    setTimeout(() => tell('read-later', { path: pathOf(request), aborted: scope.signal.aborted }), 50)
    return new Response('done')
  },
  '/too-late': async (request) => {
    // The client has left meanwhile, and nobody has looked.
    const end = performance.now() + 200
    while (performance.now() < end);
    tell('too-late', { path: pathOf(request), aborted: request.signal.aborted })
    await sleep(100)
    return new Response('too late')
  },
  '/finite': async (request) => {
    follow(request)
    return new Response(new Blob(['a', 'b', 'c']).stream())
  },
  '/plain-stream': async (request) => {
    follow(request)
    return new Response(ticks(() => tell('cancel', { path: pathOf(request) })))
  },
  '/marked-stream': async () => streaming(new Response(ticks())),
  '/breaks': async () =>
    streaming(
      new Response(
        new ReadableStream({
          start(controller) {
            controller.enqueue(encoder.encode('half'))
          },
          async pull() {
            await sleep(20)
            throw new Error('secret-of-breaks')
          },
        }),
      ),
    ),
  '/large': () => new Response(new Uint8Array(20 * 1024 * 1024)),
  '/throws': () => {
    throw new Error('secret-of-throws')
  },
  '/static': (request) =>
    Response.json([isStatic(new Response('text')), isStatic(new Response(request.body ?? ticks()))]),
  '/info': (_request, info) => Response.json(info.remoteAddr),
  '/ws': (request) => {
    const { socket, response } = Deno.upgradeWebSocket(request)
    socket.onmessage = ({ data }) => socket.send(`echo ${data}`)
    return response
  },
  '/ws-followed': (request) => {
    follow(request)
    const { socket, response } = Deno.upgradeWebSocket(request)
    socket.onmessage = ({ data }) => socket.send(`echo ${data}`)
    return response
  },
  '/ws-later': async (request) => {
    const { socket, response } = Deno.upgradeWebSocket(request)
    socket.onmessage = ({ data }) => socket.send(`echo ${data}`)
    await sleep(50)
    return response
  },
  '/ws-throws': (request) => {
    Deno.upgradeWebSocket(request)
    throw new Error('secret-of-ws')
  },
  '/ws-rejects': async (request) => {
    Deno.upgradeWebSocket(request)
    await sleep(20)
    throw new Error('secret-of-ws')
  },
  '/ws-other': (request) => {
    Deno.upgradeWebSocket(request)
    return new Response('something else')
  },
  '/ws-nothing': async (request) => {
    Deno.upgradeWebSocket(request)
    return undefined as never
  },
  '/ws-never': (request) => {
    Deno.upgradeWebSocket(request)
    return never()
  },
}

function handle(request: Request, info: ServeInfo): Response | Promise<Response> {
  tell('started', { path: pathOf(request) })
  const route = routes[new URL(request.url).pathname]
  return route ? route(request, info) : new Response('Not Found', { status: 404 })
}

const hooks = {
  onOutcome(outcome: Outcome, request: Request): void {
    const { kind, status } = outcome
    const phase = 'phase' in outcome ? outcome.phase : undefined
    const code = 'error' in outcome ? (outcome.error as { code?: string } | undefined)?.code : undefined
    tell('ending', { kind, status, phase, code, method: request.method, path: pathOf(request) })
  },
  onLateSettlement({ kind }: { kind: string }, request: Request): void {
    tell('late', { settlement: kind, path: pathOf(request) })
  },
}
const guarded = { timeoutMs: Number(LIMIT_MS), ...hooks }
const onAbort = new AbortController()
const at = { port: 0, hostname: '127.0.0.1' }

function honoApp(): Hono {
  const app = new Hono()
  app.onError((_error, c) => c.text('failed', 500))
  app.use('/with-cors/*', cors())
  app.use(curfew(guarded))
  const echo = upgradeWebSocket(() => ({
    onMessage: ({ data }, socket) => socket.send(`echo ${data}`),
  }))
  app.get('/ws', echo)
  app.get('/with-cors/ws', echo)
  app.get('/hello', (c) => c.text('hi'))
  app.get('/ws-throws', async (c, next) => {
    await echo(c, next)
    throw new Error('secret-of-ws')
  })
  app.get('/ws-never', async (c, next) => {
    await echo(c, next)
    return never()
  })
  return app
}

let close: (() => Promise<object>) | undefined

function listen(): number {
  if (MODE === 'guard') {
    return Deno.serve({ ...at, onListen() {} }, guard(handle, guarded)).addr.port
  }
  const options =
    MODE === 'unguarded' || MODE === 'hono'
      ? {}
      : MODE === 'busy'
        ? { ...guarded, maxConcurrent: 1 }
        : guarded
  const fetch = MODE === 'hono' ? honoApp().fetch : handle
  const server = serve({ ...at, fetch, signal: onAbort.signal, health: true, ...options })
  close = () => server.close({ graceMs: Number(GRACE_MS), noticeMs: Number(NOTICE_MS) })
  void server.server.finished.then(() => tell('finished'))
  return server.server.addr.port
}

async function stop(): Promise<void> {
  const closed = close?.()
  isClosing()
  await close?.()
  tell('closed', await closed)
  // What has been closed can be told to stop once more.
  onAbort.abort()
}

// A server of its own, which goes on when the other one does not.
const control = Deno.serve({ ...at, onListen() {} }, (request) => {
  if (pathOf(request) === '/close') void stop()
  else onAbort.abort()
  return new Response()
})

tell('listening', {
  url: `http://127.0.0.1:${listen()}`,
  control: `http://127.0.0.1:${control.addr.port}`,
})

process.on('SIGTERM', () => process.exit())
