// Compiled against Bun's own types by ../types.test.ts, and never run: what fits, and what must not.
import type { BunFile, BunRequest, Serve, Server, ServerWebSocket } from 'bun'
import { type BunServer, type CurfewServer, guard, serve } from '../../src/index.ts'

declare const page: Bun.HTMLBundle
declare const file: BunFile
declare const real: Server<undefined>
declare const realWithData: Server<{ user: string }>

export const servers: BunServer[] = [real, realWithData]

// Handlers that say nothing of their types know the parameters of their paths.
serve({
  routes: {
    '/users/:id': (request) => Response.json({ id: request.params.id satisfies string }),
    '/posts/:post/comments/:comment': async ({ params }, server) =>
      new Response(`${params.post} ${params.comment} ${server.url}`),
    '/methods': { GET: () => new Response('get'), POST: new Response('static') },
    '/cookies': (request) => {
      request.cookies.set('seen', 'yes', { httpOnly: true })
      return new Response(request.cookies.get('seen'))
    },
    '/static': new Response('static'),
    '/page': page,
    '/file': file,
    '/files/*': { dir: './public' },
    '/off': false,
  },
  fetch: (request, server) => new Response(`${request.url} ${server.requestIP(request)?.address}`),
  timeoutMs: 5_000,
})

// @ts-expect-error: the path has no such parameter
serve({ routes: { '/users/:id': (request) => new Response(request.params.name) } })
// @ts-expect-error: no option has this name
serve({ fetch: () => new Response(), timeoutMS: 5_000 })
// @ts-expect-error: not what a handler gives back
serve({ fetch: () => 'text' })

// Handlers that are declared with Bun's own types.
function byId(request: BunRequest<'/users/:id'>, server: Server<undefined>): Response {
  return new Response(`${request.params.id} ${server.id}`)
}
const handle: Serve.Handler<BunRequest<'/a'>, Server<undefined>, Response> = () => new Response('a')
serve({
  routes: { '/users/:id': byId, '/guarded/:id': guard(byId, { timeoutMs: 500 }), '/a': handle },
  fetch(_request: Request, server: Server<undefined>) {
    return new Response(server.id)
  },
  error(error) {
    return new Response(error.message, { status: 500 })
  },
})

// WebSockets: what a handler gives back is nothing, then.
export const withSocket: CurfewServer = serve({
  fetch(request, server) {
    if (server.upgrade(request, { data: { user: 'ada' } })) return
    return new Response('No WebSocket', { status: 426 })
  },
  websocket: {
    message: (socket, message) => void socket.send(message),
    open(socket: ServerWebSocket<{ user: string }>) {
      socket.send(socket.data.user)
    },
  },
})

// A guard goes wherever a handler of Bun's does.
Bun.serve({
  fetch: guard(async () => new Response('hello'), { timeoutMs: 5_000, idleTimeout: 30 }),
  routes: { '/users/:id': guard(byId) },
})
export default {
  fetch: guard((request, server) => new Response(`${request.url} ${server.port}`)),
} satisfies Serve.Options<undefined>
