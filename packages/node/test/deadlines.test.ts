import { type Scope, scopeOf } from '@curfew/core'
import ky from 'ky'
import { fetch as undiciFetch, request as undiciRequest } from 'undici'
import { describe, expect, test } from 'vitest'
import type { ServeOptions } from '../src/index.ts'
import { aborted, call, endless, fetched, Journal, start } from './support.ts'

/** A service that answers at `/quick`, and nowhere else; `seen` are the headers that it is called with. */
async function startUpstream() {
  const seen = new Journal<Headers>()
  const upstream = await start(
    async ({ url, headers, signal }) => {
      seen.add(headers)
      if (new URL(url).pathname === '/quick') return Response.json({ hello: 'world' })
      throw await aborted(signal)
    },
    { timeoutMs: 60_000, inbound: ['connect-timeout-ms', 'grpc-timeout', 'x-envoy-expected-rq-timeout-ms'] },
  )
  return { ...upstream, seen, url: `http://127.0.0.1:${upstream.port}/` }
}

type Use = (scope: Scope, url: string) => Promise<unknown>

/** A front that answers with what it makes of the upstream; `caught` is what that throws. */
async function startFront(use: Use, url: string, options: Partial<ServeOptions> = {}) {
  const caught = new Journal<unknown>()
  const front = await start(
    async (request) => {
      try {
        return Response.json(await use(scopeOf(request), url))
      } catch (error) {
        caught.add(error)
        throw error
      }
    },
    { timeoutMs: 400, ...options },
  )
  return { ...front, caught }
}

function json(response: { ok: boolean; status: number; json(): Promise<unknown> }): Promise<unknown> {
  if (!response.ok) throw new Error(`Upstream: ${response.status}`)
  return response.json()
}

const clients: [name: string, use: Use][] = [
  ['scope.fetch()', ({ fetch }, url) => fetch(url).then(json)],
  ['fetch()', ({ signal, deadline }, url) => fetch(url, { signal, headers: deadline.headers() }).then(json)],
  ['ky', ({ fetch }, url) => ky.create({ fetch, retry: 0 }).get(url).json()],
  [
    'undici.request()',
    async ({ signal, deadline }, url) => {
      const { body, statusCode } = await undiciRequest(url, { signal, headers: deadline.headers() })
      if (statusCode !== 200) throw new Error(`Upstream: ${statusCode}`)
      return body.json()
    },
  ],
]

describe.each(clients)('over a socket, by %s', (_, use) => {
  test('the other service is told what is left, and answers in time', async () => {
    const upstream = await startUpstream()
    const { port } = await startFront(use, `${upstream.url}quick`)
    expect(JSON.parse((await fetched('http', port)).body)).toEqual({ hello: 'world' })
    const told = Number((await upstream.seen.first()).get('connect-timeout-ms'))
    expect(told).toBeGreaterThan(0)
    expect(told).toBeLessThanOrEqual(400)
  })

  test('the other service stops when the deadline strikes', async () => {
    const upstream = await startUpstream()
    const { port, caught } = await startFront(use, upstream.url)
    // By its own deadline, which its caller hears of, or by that of its caller, who then hangs up: they are a moment apart.
    expect([500, 503]).toContain((await fetched('http', port)).status)
    const { kind, elapsedMs } = await upstream.outcomes.first()
    expect(['timed-out', 'client-closed']).toContain(kind)
    expect(elapsedMs).toBeLessThan(30_000)
    await caught.first()
  })

  test('the other service stops when the client of the front leaves', async () => {
    const upstream = await startUpstream()
    const { port, caught } = await startFront(use, upstream.url, { timeoutMs: 30_000 })
    const { leave } = call('http', port)
    await upstream.seen.first()
    leave()
    expect((await upstream.outcomes.first()).kind).toBe('client-closed')
    expect(await caught.first()).toMatchObject({ name: 'AbortError' })
  })
})

test("undici's own fetch() is called where the guard is told so", async () => {
  const upstream = await startUpstream()
  const { port } = await startFront(({ fetch }, url) => fetch(url).then(json), `${upstream.url}quick`, {
    outbound: { fetch: undiciFetch, headers: ['grpc-timeout', 'x-envoy-expected-rq-timeout-ms'] },
  })
  expect(JSON.parse((await fetched('http', port)).body)).toEqual({ hello: 'world' })
  const told = await upstream.seen.first()
  expect(told.get('grpc-timeout')).toMatch(/^\d{1,3}m$/)
  expect(told.get('x-envoy-expected-rq-timeout-ms')).toMatch(/^\d{1,3}$/)
  expect(told.has('connect-timeout-ms')).toBe(false)
})

test("the caller's own signal stops a body that has begun, and one that is read before stays whole", async () => {
  const { stream, cancelled } = endless()
  const upstream = await start((request) =>
    new URL(request.url).pathname === '/whole' ? new Response('whole') : new Response(stream),
  )
  const { port } = await startFront(
    async (scope, url) => {
      const own = new AbortController()
      const whole = await (await scope.fetch(`${url}whole`, { signal: own.signal })).text()
      const reader = (await scope.fetch(url, { signal: own.signal })).body!.getReader()
      await reader.read()
      own.abort(new Error('enough'))
      for (;;) {
        const error = await reader.read().then(() => undefined, String)
        if (error) return { whole, error }
      }
    },
    `http://127.0.0.1:${upstream.port}/`,
    { timeoutMs: 30_000 },
  )
  const answer = JSON.parse((await fetched('http', port)).body)
  expect(answer).toEqual({ whole: 'whole', error: expect.stringContaining('enough') })
  await cancelled
})

test('what a proxy says of its queue counts', async () => {
  const { port } = await start((request) => new Response(String(scopeOf(request).deadline.remainingMs())), {
    timeoutMs: 5_000,
    receivedAt: 'x-request-start',
  })
  const waited = (ms: number) => ({
    headers: { 'x-request-start': `t=${((Date.now() - ms) / 1_000).toFixed(3)}` },
  })
  const left = Number((await fetched('http', port, waited(2_000))).body)
  expect(left).toBeGreaterThan(0)
  expect(left).toBeLessThanOrEqual(3_000)
  const late = await fetched('http', port, waited(5_100))
  expect(late.status).toBe(504)
  expect(JSON.parse(late.body)).toMatchObject({ code: 'DEADLINE_EXPIRED' })
})
