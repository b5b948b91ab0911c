import { once } from 'node:events'
import { curfew, deadline } from '@curfew/hono'
import { upgradeWebSocket } from '@hono/node-server'
import { Hono, type MiddlewareHandler } from 'hono'
import { describe, expect, onTestFinished, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { served } from './sockets.ts'
import { deferred, observed } from './support.ts'

const guards: [name: string, guard: (own: MiddlewareHandler) => MiddlewareHandler[], timeoutMs?: number][] = [
  ['curfew()', (own) => [own]],
  ['curfew() and deadline(false)', (own) => [own, deadline(false)]],
  ['curfew() twice', (own) => [own, curfew({ buffer: true })]],
  ['deadline() alone', () => [deadline(100)]],
  ['a guarded serve()', () => [], 100],
  ['curfew() and a guarded serve()', (own) => [own], 100],
]

describe.each(guards)('a WebSocket through %s', (_, guard, timeoutMs) => {
  async function connected(path: string) {
    const { clock, options, outcomes } = observed()
    const closed = deferred<number>()
    const app = new Hono()
    app.use(async (c, next) => {
      await next()
      c.header('x-after', '1')
    })
    for (const middleware of guard(curfew(options))) app.use(middleware)
    app.get(
      '/echo',
      upgradeWebSocket(() => ({
        onMessage: (event, ws) => ws.send(`echo ${event.data}`),
        onClose: ({ code }) => closed.resolve(code),
      })),
    )
    app.get('/page', (c) => c.text('no socket here', 403))
    const wss = new WebSocketServer({ noServer: true })
    const { url } = await served({
      fetch: app.fetch,
      websocket: { server: wss },
      ...(timeoutMs && { timeoutMs, clock }),
    })
    const socket = new WebSocket(url.replace('http', 'ws') + path)
    onTestFinished(() => {
      // A socket that never was open says so.
      socket.on('error', () => {})
      socket.terminate()
    })
    return { socket, clock, outcomes, closed: closed.promise }
  }

  test('is opened, echoes, and stays open past the deadline', async () => {
    const { socket, clock, closed, outcomes } = await connected('/echo')
    await once(socket, 'open')
    for (const word of ['hello', 'again']) {
      socket.send(word)
      const [data] = await once(socket, 'message')
      expect(String(data)).toBe(`echo ${word}`)
      await clock.advance(100_000)
      expect(socket.readyState).toBe(WebSocket.OPEN)
    }
    socket.close(1000)
    expect(await closed).toBe(1000)
    expect(outcomes.filter(({ kind }) => kind !== 'completed')).toEqual([])
    expect(clock.pending).toBe(0)
  })

  test('that its route does not open is refused with what the route answers', async () => {
    const { socket } = await connected('/page')
    const [, response] = await once(socket, 'unexpected-response')
    expect(response.statusCode).toBe(403)
    expect(response.headers['x-after']).toBe('1')
  })
})
