import { env } from 'cloudflare:workers'
import { type Guarded, type GuardOptions, scopeOf } from '@curfew/core'
import { guard, seesDisconnects } from '@curfew/edge'
import { pathOf, sleep, write } from './support.ts'

const options: GuardOptions = {
  timeoutMs: 500,
  ...(env.WATCH === 'eager' && { watch: 'eager' }),
  // Asynchronous: what it does after the response must not be dropped.
  async onOutcome({ kind, status }, request) {
    await sleep(50)
    write({ event: 'ending', kind, status, path: pathOf(request) })
  },
  async onLateSettlement({ kind }, request) {
    await sleep(50)
    write({ event: 'late', kind, path: pathOf(request) })
  },
}

const routes: Readonly<Record<string, (request: Request) => Response | Promise<Response>>> = {
  '/hello': () => new Response('hi'),

  '/soon': async () => {
    await sleep(20)
    return new Response('soon')
  },

  // Looks at no signal, and says so when it is done.
  '/deaf': async (request) => {
    write({ event: 'started', path: pathOf(request) })
    await sleep(1_000)
    write({ event: 'done', path: pathOf(request) })
    return new Response('too late')
  },

  '/wait-until': (request) => {
    scopeOf(request).waitUntil(sleep(300).then(() => write({ event: 'done', path: pathOf(request) })))
    return new Response('before')
  },

  // One chunk, and then nothing.
  '/stalled': guard(
    () =>
      new Response(
        new ReadableStream({ start: (controller) => controller.enqueue(new TextEncoder().encode('first')) }),
      ),
    { streamIdleMs: 60_000 },
  ),

  '/upload': async (request) => new Response(String((await request.arrayBuffer()).byteLength)),

  // Hands the body on, as it is.
  '/proxy': (request) => fetch(env.UPSTREAM!, { method: 'POST', body: request.body }),

  '/web-socket': () => {
    const { 0: client, 1: server } = new WebSocketPair()
    server.accept()
    server.addEventListener('message', ({ data }) => server.send(`echo ${data}`))
    return new Response(null, { status: 101, webSocket: client } as ResponseInit)
  },

  '/buffered': guard(() => new Response(brokenPage()), { buffer: true }),

  '/arguments': (...passed) => Response.json(passed.map((value) => typeof value)),

  '/sees': () => Response.json({ sees: seesDisconnects() }),

  '/stats': () => Response.json(guarded.stats),
}

const guarded: Guarded<unknown[]> = guard(
  (request, ...rest) => (routes[new URL(request.url).pathname] as typeof guarded)(request, ...rest),
  options,
)

export default { fetch: guarded }

function brokenPage(): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode('<h1>secret</h1>'))
      controller.error(new Error('Template failed'))
    },
  })
}

/** As much of workerd's as the types of the other packages do not have. */
declare const WebSocketPair: new () => { 0: WebSocket; 1: WebSocket & { accept(): void } }
