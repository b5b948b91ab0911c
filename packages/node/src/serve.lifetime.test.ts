import { guard } from '@curfew/core'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { get, RawClient } from '../test/raw-client.ts'
import {
  call,
  deferred,
  endless,
  fetched,
  Journal,
  keptAlive,
  never,
  protocols,
  session,
  soon,
  start,
  startUnguarded,
} from '../test/support.ts'
import { serve } from './index.ts'

/** Longer than any test may take: whoever waits for the end of it fails. */
const LONG_MS = 60_000

const connectionOf = (headers: [string, string][]) => headers.find(([name]) => name === 'connection')?.[1]

/** A handler for each path that the test knows of, and what has begun. */
function routed(routes: Record<string, () => Response | Promise<Response>>) {
  const begun = new Journal<string>()
  const fetch = (request: Request) => {
    const { pathname } = new URL(request.url)
    begun.add(pathname)
    return routes[pathname]!()
  }
  return { fetch, begun }
}

describe.each(protocols)('close() over %s', (protocol) => {
  test('resolves with what became of the requests', async () => {
    const work = deferred<Response>()
    const { stream } = endless('x')
    const { fetch, begun } = routed({
      '/finishes': () => work.promise,
      '/leaves': never,
      '/never': never,
      '/stream': () => new Response(stream),
      '/before': () => new Response(),
    })
    const { server, port, outcomes } = await start(fetch, { protocol })
    await fetched(protocol, port, { path: '/before' })
    const finishes = call(protocol, port, { path: '/finishes' })
    const leaves = call(protocol, port, { path: '/leaves' })
    const [first, second] = ['/never', '/never'].map((path) => fetched(protocol, port, { path }))
    const streams = call(protocol, port, { path: '/stream' })
    await Promise.all([begun.reached(6), streams.begun])
    // No longer than it takes those who can to finish.
    const closed = server.close({ graceMs: 500 })
    work.resolve(new Response('finished'))
    leaves.leave()
    await finishes.answer
    expect(await soon(closed)).toEqual({ finished: 2, shutDown: 2, cutOff: 1, flushed: true })
    expect([(await first)?.status, (await second)?.status]).toEqual([503, 503])
    expect((await streams.answer).broken).toBeDefined()
    await soon(outcomes.reached(6))
  })

  test('nobody was there', async () => {
    const { server, port } = await start(() => new Response(), { protocol })
    await fetched(protocol, port)
    const closed = await soon(server.close({ graceMs: LONG_MS }))
    expect(closed).toEqual({ finished: 0, shutDown: 0, cutOff: 0, flushed: true })
  })

  test('a handler that nothing guards cannot be answered for, and is cut off', async () => {
    const { fetch, begun } = routed({ '/': never })
    const { server, port } = await startUnguarded(fetch, { protocol })
    const answer = fetched(protocol, port)
    answer.catch(() => {})
    await begun.reached(1)
    const closed = await soon(server.close({ graceMs: 0 }))
    expect(closed).toMatchObject({ finished: 0, shutDown: 0, cutOff: 1 })
    await expect(answer).rejects.toThrow()
  })
})

describe('close()', () => {
  test('waits for the hooks of guards that it does not know', async () => {
    const hook = deferred<void>()
    const told = deferred<void>()
    const onOutcome = () => {
      told.resolve()
      return hook.promise
    }
    const guarded = guard(() => new Response('hello'), { onOutcome })
    const { server, port } = await startUnguarded((request: Request) => guarded(request))
    await fetched('http', port)
    await told.promise
    let isClosed = false
    const closed = server.close().then((result) => {
      isClosed = true
      return result
    })
    await new Promise((resolve) => server.server.once('close', resolve))
    expect([isClosed, guarded.stats.hooksPending]).toEqual([false, 1])
    hook.resolve()
    expect(await soon(closed)).toMatchObject({ flushed: true })
    expect(guarded.stats.hooksPending).toBe(0)
  })

  test('flushes the reporters of guards that it does not know', async () => {
    const recording = { decided() {}, ended() {}, settled() {} }
    const reporter = { start: () => recording, flush: vi.fn(async () => false) }
    const guarded = guard(() => Promise.reject(new Error('boom')), { reporter })
    const { server, port } = await startUnguarded((request: Request) => guarded(request))
    expect((await fetched('http', port)).status).toBe(500)
    expect(await soon(server.close())).toMatchObject({ flushed: false })
    expect(reporter.flush).toHaveBeenCalledOnce()
  })

  test('a 503 that its client never comes to read is not counted as one', async () => {
    const { stream } = endless()
    const { fetch, begun } = routed({ '/stream': () => new Response(stream), '/never': never })
    const { server, port } = await start(fetch)
    const client = await RawClient.sending(port, get('/stream') + get('/never'))
    client.socket.pause()
    await begun.reached(2)
    expect(await soon(server.close({ graceMs: 0 }))).toMatchObject({ finished: 0, shutDown: 0, cutOff: 2 })
  })
})

describe('the connections of a server that is about to stop', () => {
  test('are told so by the responses that are still to come', async () => {
    const work = deferred<Response>()
    const { fetch, begun } = routed({ '/slow': () => work.promise, '/': () => new Response('hello') })
    const { server, port } = await start(fetch)
    const idle = await RawClient.sending(port, get('/'))
    expect(connectionOf((await idle.response()).headers)).toBe('keep-alive')
    const client = await RawClient.sending(port, get('/slow'))
    await begun.reached(2)
    void server.close({ noticeMs: LONG_MS })
    work.resolve(new Response('finished'))
    idle.send(get('/'))
    const late = await RawClient.sending(port, get('/'))
    const [, second] = await idle.responses(2)
    for (const { body, headers } of [await client.response(), second!, await late.response()]) {
      expect([body, connectionOf(headers)]).toEqual([expect.any(String), 'close'])
    }
    for (const each of [client, idle, late]) expect(await each.over).toBeUndefined()
  })

  test('only by the last response of a pipeline', async () => {
    const gate = deferred<void>()
    const begun = new Journal<string>()
    const { server, port } = await start(async (request: Request) => {
      const { pathname } = new URL(request.url)
      begun.add(pathname)
      await gate.promise
      return new Response(pathname)
    })
    const client = await RawClient.sending(port, get('/1') + get('/2'))
    await begun.reached(2)
    void server.close({ noticeMs: LONG_MS })
    client.send(get('/3'))
    await begun.reached(3)
    gate.resolve()
    const responses = await client.responses(3)
    expect(responses.map(({ body, headers }) => [body, connectionOf(headers)])).toEqual([
      ['/1', 'keep-alive'],
      ['/2', 'keep-alive'],
      ['/3', 'close'],
    ])
    await client.over
  })

  test.each(['h2c', 'h2'] as const)('by a GOAWAY that refuses nothing over %s', async (protocol) => {
    const work = deferred<Response>()
    const { fetch, begun } = routed({ '/slow': () => work.promise, '/': () => new Response('hello') })
    const { server, port } = await start(fetch, { protocol })
    const client = session(protocol, port)
    const goaway = new Promise<unknown[]>((resolve) => client.once('goaway', (...args) => resolve(args)))
    const slow = fetched(protocol, port, { session: client, path: '/slow' })
    await begun.reached(1)
    void server.close({ noticeMs: LONG_MS })
    expect((await soon(goaway)).slice(0, 2)).toEqual([0, 2 ** 31 - 1])
    // Others are let in meanwhile.
    expect((await fetched(protocol, port)).body).toBe('hello')
    work.resolve(new Response('finished'))
    expect(await slow).toMatchObject({ status: 200, body: 'finished', headers: { ':status': 200 } })
    await soon(new Promise((resolve) => (client.closed ? resolve(0) : client.once('close', resolve))))
  })

  test('are not told a second time by those who said it themselves', async () => {
    const { server, port } = await start(() => new Response('hello'))
    void server.close({ noticeMs: LONG_MS })
    const client = await RawClient.sending(port, 'GET / HTTP/1.0\r\n\r\n')
    const { headers, body } = await client.response()
    expect([body, headers.filter(([name]) => name === 'connection')]).toEqual([
      'hello',
      [['connection', 'close']],
    ])
  })
})

describe.each(protocols)('health over %s', (protocol) => {
  test('is told without the handler, and is no request', async () => {
    const fetch = vi.fn(() => new Response('hello'))
    const { server, port, outcomes } = await start(fetch, { protocol, health: true })
    for (const [path, body] of [
      ['/readyz', 'ready\n'],
      ['/livez?verbose', 'live\n'],
    ]) {
      const answer = await fetched(protocol, port, { path: path! })
      expect(answer).toMatchObject({ status: 200, body, headers: { 'cache-control': 'no-store' } })
      const head = await fetched(protocol, port, { path: path!, method: 'HEAD' })
      expect(head).toMatchObject({ status: 200, body: '', broken: undefined })
    }
    expect(fetch).not.toHaveBeenCalled()
    const post = await fetched(protocol, port, { path: '/readyz', method: 'POST', body: '' })
    expect(post.body).toBe('hello')
    expect(await soon(server.close())).toMatchObject({ finished: 0 })
    expect(outcomes.all).toHaveLength(1)
  })

  test('says that the server is not ready as soon as it is to close', async () => {
    const { server, port } = await start(() => new Response('hello'), { protocol, health: true })
    expect(server.isReady).toBe(true)
    void server.close({ noticeMs: LONG_MS })
    expect(server.isReady).toBe(false)
    expect(await fetched(protocol, port, { path: '/readyz' })).toMatchObject({
      status: 503,
      body: 'stopping\n',
      headers: { 'cache-control': 'no-store' },
    })
    expect(await fetched(protocol, port, { path: '/livez' })).toMatchObject({ status: 200 })
    expect((await fetched(protocol, port)).body).toBe('hello')
  })
})

test('health is answered on one connection between requests', async () => {
  const { port } = await start(() => new Response('hello'), { health: { ready: '/up' } })
  const agent = keptAlive('http')
  for (const [path, body] of [
    ['/', 'hello'],
    ['/up', 'ready\n'],
    ['/readyz', 'hello'],
  ]) {
    expect((await fetched('http', port, { agent, path: path! })).body).toBe(body)
  }
})

test('without health these paths are the handler’s', async () => {
  const { port } = await start(() => new Response('mine'))
  expect((await fetched('http', port, { path: '/readyz' })).body).toBe('mine')
})

test.each([
  ['health', { health: 'yes' as never }],
  ['signals.on', { signals: { on: ['SIGKILL' as never] } }],
])('what is no option is refused before the server is made: %s', (option, options) => {
  expect(() => serve({ fetch: () => new Response(), port: 0, ...options })).toThrow(
    `Invalid option ${option}`,
  )
})

describe('signals', () => {
  const heard = () => process.listenerCount('SIGTERM') + process.listenerCount('SIGINT')

  test('are listened to as long as there is a server, by one listener for all', async () => {
    const before = heard()
    const servers = [1, 2, 3].map(() =>
      serve({ fetch: () => new Response(), port: 0, hostname: '127.0.0.1', signals: true }),
    )
    onTestFinished(() => void servers.map((server) => server.close()))
    expect(heard()).toBe(before + 2)
    for (const server of servers) await server.close()
    expect(heard()).toBe(before)
  })

  test('are not, once it turns out that it cannot listen', async () => {
    const before = heard()
    const { port } = await start(() => new Response())
    const server = serve({ fetch: () => new Response(), port, hostname: '127.0.0.1', signals: true })
    await expect(server.listening).rejects.toThrow('EADDRINUSE')
    expect(heard()).toBe(before)
  })
})
