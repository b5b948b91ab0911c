import { EventEmitter } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { upgradeWebSocket, type WebSocketLike, type WebSocketServerLike } from '@hono/node-server'
import { Hono } from 'hono'
import { expect, test } from 'vitest'
import { get, RawClient } from '../test/raw-client.ts'
import { deferred, fetched, start } from '../test/support.ts'

/** As much of the `ws` package as node-server needs: it answers the handshake and sends unframed text. */
class FakeWebSocketServer extends EventEmitter implements WebSocketServerLike {
  readonly options = { noServer: true }
  closed = false

  handleUpgrade(_: IncomingMessage, socket: Duplex, __: Buffer, done: (ws: WebSocketLike) => void): void {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
    const ws = new EventEmitter()
    done(
      Object.assign(ws, {
        protocol: '',
        readyState: 1 as const,
        send: (data: unknown) => void socket.write(String(data)),
        close: () => void socket.end(),
      }) as unknown as WebSocketLike,
    )
  }

  close(): void {
    this.closed = true
  }
}

const upgrade = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13']

test('a WebSocket passes through a guarded server, and is not recorded as a request', async () => {
  const websocket = new FakeWebSocketServer()
  const app = new Hono()
  app.get(
    '/socket',
    upgradeWebSocket(() => ({ onOpen: (_, ws) => ws.send('welcome') })),
  )
  app.get('/page', (c) => c.text('page'))
  const { server, port, outcomes } = await start(app.fetch, {
    websocket: { server: websocket },
    timeoutMs: 5_000,
  })
  const client = await RawClient.sending(port, get('/socket', { headers: upgrade }))
  await client.saw('welcome')
  expect(client.received).toMatch(/^HTTP\/1\.1 101 /)
  expect((await fetched('http', port, { path: '/page' })).body).toBe('page')
  await outcomes.reached(1)
  client.close()
  await client.over
  await server.close({ graceMs: 0 })
  expect(outcomes.all).toMatchObject([{ kind: 'completed', status: 200 }])
  expect(websocket.closed).toBe(true)
})

test('the server of the websocket option reaches the handler', async () => {
  const websocket = new FakeWebSocketServer()
  const seen = deferred<unknown>()
  const { port } = await start(
    (_: Request, env: { wss?: unknown; outgoing?: unknown }) => {
      seen.resolve([env.wss, env.outgoing])
      return new Response(null, { status: 403 })
    },
    { websocket: { server: websocket }, timeoutMs: 5_000 },
  )
  const client = await RawClient.sending(port, get('/', { headers: upgrade }))
  expect((await client.response()).status).toBe(403)
  expect(await seen.promise).toEqual([websocket, undefined])
})

test('without the option a request for a WebSocket is a request like any other', async () => {
  const { port, outcomes } = await start(() => new Response('plain'))
  const client = await RawClient.sending(port, get('/', { headers: upgrade }))
  expect(await client.response()).toMatchObject({ status: 200, body: 'plain' })
  expect(await outcomes.first()).toMatchObject({ kind: 'completed', status: 200 })
})
