import { once } from 'node:events'
import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import type { Outcome } from '@curfew/core'
import { curfew } from '@curfew/hono'
import { upgradeWebSocket } from '@hono/node-server'
import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { timeout } from 'hono/timeout'
import { expect, onTestFinished, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { fetchOver, head, oneConnection, served } from './sockets.ts'
import { deferred, never, observed } from './support.ts'

test('a client that has read the timeout of a middleware around the guard has not left', async () => {
  const recorded = deferred<Outcome>()
  const { clock, options } = observed({ onOutcome: (outcome) => recorded.resolve(outcome) })
  const guard = curfew(options)
  const app = new Hono()
  app.use('/slow', timeout(20))
  app.use(guard)
  app.get('/slow', never)
  app.get('/next', (c) => c.text('next'))
  const { url } = await served({ fetch: app.fetch })
  const agent = oneConnection()
  expect(await fetchOver(agent, `${url}/slow`)).toMatchObject({ status: 504 })
  await clock.advance(100)
  expect((await recorded.promise).kind).not.toBe('client-closed')
  expect(await fetchOver(agent, `${url}/next`)).toMatchObject({ status: 200, body: 'next', reused: true })
  expect(guard.stats.outcomes).toMatchObject({ 'client-closed': 0 })
})

test('a header that asks for a WebSocket is no way around the deadline, behind bodyLimit() either', async () => {
  const recorded = deferred<Outcome>()
  const started = deferred()
  const { clock, options } = observed({ onOutcome: (outcome) => recorded.resolve(outcome) })
  const app = new Hono()
  app.use(bodyLimit({ maxSize: 1_000 }))
  app.use(curfew(options))
  app.post('/', () => {
    started.resolve()
    return never()
  })
  const { url } = await served({ fetch: app.fetch })
  const headers = { upgrade: 'websocket', 'transfer-encoding': 'chunked' }
  const post = request(url, { method: 'POST', headers, agent: false })
  onTestFinished(() => void post.destroy())
  post.end('body')
  const replied = head(post)
  await started.promise
  await clock.advance(100)
  const response = await replied
  expect(response.statusCode).toBe(503)
  expect(await text(response)).toContain('HANDLER_TIMEOUT')
  expect(await recorded.promise).toMatchObject({ kind: 'timed-out' })
})

test('an open WebSocket lives until the grace of close() is over', async () => {
  const app = new Hono()
  app.use(curfew())
  app.get(
    '/echo',
    upgradeWebSocket(() => ({ onMessage: (event, ws) => ws.send(`echo ${event.data}`) })),
  )
  const { server, url } = await served({
    fetch: app.fetch,
    websocket: { server: new WebSocketServer({ noServer: true }) },
  })
  const socket = new WebSocket(`${url.replace('http', 'ws')}/echo`)
  onTestFinished(() => {
    socket.on('error', () => {})
    socket.terminate()
  })
  await once(socket, 'open')
  const graceMs = 300
  const startedAt = performance.now()
  const over = once(socket, 'close').then(() => performance.now() - startedAt)
  const closing = server.close({ graceMs })
  socket.send('still here')
  const [data] = await once(socket, 'message')
  expect(String(data)).toBe('echo still here')
  expect(await over).toBeGreaterThanOrEqual(graceMs - 5)
  await closing
})
