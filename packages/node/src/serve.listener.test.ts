import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Outcome } from '@curfew/core'
import connect from 'connect'
import express from 'express'
import { describe, expect, onTestFinished, test } from 'vitest'
import { get, RawClient } from '../test/raw-client.ts'
import {
  aborted,
  call,
  deferred,
  fetched,
  Journal,
  never,
  protocols,
  speaking,
  watchOutput,
} from '../test/support.ts'
import { curfew } from './express.ts'
import { guardListener, type ServeListenerOptions, scopeOf, serve } from './index.ts'

/** A server of this listener, on a free port, closed when the test is over. */
async function served(options: ServeListenerOptions) {
  const server = serve({ hostname: '127.0.0.1', port: 0, ...options })
  onTestFinished(() => void server.close({ graceMs: 0 }))
  return { server, port: (await server.listening).port }
}

describe.each(protocols)('over %s, serve({ listener })', (protocol) => {
  test('guards it when it is told anything', async () => {
    const outcomes = new Journal<Outcome>()
    const { port } = await served({
      ...speaking(protocol),
      listener: (req, res, scope) => {
        if (req.url === '/scope') res.end(String(scopeOf(req) === scope))
      },
      timeoutMs: 50,
      onOutcome: (outcome) => outcomes.add(outcome),
    })
    expect(await fetched(protocol, port, { path: '/scope' })).toMatchObject({ status: 200, body: 'true' })
    expect((await fetched(protocol, port)).status).toBe(503)
    expect((await outcomes.reached(2)).map(({ kind }) => kind)).toEqual(['completed', 'timed-out'])
  })

  test('closes when requests have finished, whoever guards them', async () => {
    const gates = { bare: deferred<void>(), guarded: deferred<void>() }
    const begun = new Journal<string>()
    const guard = curfew()
    const { server, port } = await served({
      ...speaking(protocol),
      async listener(req: IncomingMessage, res: ServerResponse) {
        if (req.url === '/bare') return answer('bare')
        guard(req, res, () => void answer('guarded'))
        async function answer(name: 'bare' | 'guarded'): Promise<void> {
          begun.add(name)
          await gates[name].promise
          res.end(name)
        }
      },
    })
    const bare = fetched(protocol, port, { path: '/bare' })
    const guarded = fetched(protocol, port, { path: '/guarded' })
    await begun.reached(2)
    const closed = server.close({ graceMs: 10_000 })
    gates.bare.resolve()
    expect((await bare).body).toBe('bare')
    gates.guarded.resolve()
    expect((await guarded).body).toBe('guarded')
    expect(await closed).toEqual({ finished: 2, shutDown: 0, cutOff: 0, flushed: true })
  })

  test('answers for who is not done by the end of the grace, and cuts off what has begun', async () => {
    const output = watchOutput()
    const begun = new Journal<string>()
    const reasons = new Journal<unknown>()
    const { server, port } = await served({
      ...speaking(protocol),
      listener: async (req, res, { signal }) => {
        res.write('half')
        if (req.url === '/begun') res.flushHeaders()
        begun.add(req.url!)
        reasons.add(await aborted(signal))
        res.end('too late')
      },
      timeoutMs: 60_000,
    })
    const held = fetched(protocol, port)
    const streamed = call(protocol, port, { path: '/begun' })
    await begun.reached(2)
    await streamed.begun
    const closed = server.close({ graceMs: 0 })
    const { status, body } = await held
    expect({ status, code: JSON.parse(body).code }).toEqual({ status: 503, code: 'SHUTDOWN' })
    expect((await streamed.answer).broken).toBeDefined()
    expect(await closed).toEqual({ finished: 0, shutDown: 1, cutOff: 1, flushed: true })
    expect(await reasons.reached(2)).toEqual([
      expect.objectContaining({ code: 'SHUTDOWN' }),
      expect.objectContaining({ code: 'SHUTDOWN' }),
    ])
    expect(output).toEqual([])
  })

  test('answers probes before it, and before any guard', async () => {
    const { server, port } = await served({
      ...speaking(protocol),
      listener: never as never,
      health: true,
      maxConcurrent: 1,
    })
    const waiting = call(protocol, port)
    expect(await fetched(protocol, port, { path: '/readyz' })).toMatchObject({ status: 200, body: 'ready\n' })
    expect(server.isReady).toBe(true)
    waiting.leave()
  })
})

describe('serve({ listener })', () => {
  test('takes an app of Express, which handles what it does not know by itself', async () => {
    const app = express()
    app.use(curfew({ timeoutMs: 1_000 }))
    app.get('/', (_, res) => void res.send('hello'))
    const { port } = await served({ listener: app })
    expect(await fetched('http', port)).toMatchObject({ status: 200, body: 'hello' })
    expect((await fetched('http', port, { path: '/none' })).status).toBe(404)
  })

  test('takes an app of Connect', async () => {
    const app = connect()
    app.use((_, res) => void res.end('hello'))
    const server = serve({ listener: app, hostname: '127.0.0.1', port: 0, timeoutMs: 1_000 })
    onTestFinished(() => void server.close({ graceMs: 0 }))
    const { port } = await server.listening
    expect(await fetched('http', port)).toMatchObject({ status: 200, body: 'hello' })
  })

  test('gives a handler the types of node:http where it names none', async () => {
    const server = serve({
      listener: async (req, res, { deadline }) => {
        res.writeHead(200, { 'x-path': req.url! }).end(String(deadline.remainingMs() > 0))
      },
      hostname: '127.0.0.1',
      port: 0,
      timeoutMs: 1_000,
    })
    onTestFinished(() => void server.close({ graceMs: 0 }))
    const { port } = await server.listening
    expect(await fetched('http', port)).toMatchObject({ status: 200, body: 'true' })
  })

  test('tells clients whose connection is about to end', async () => {
    const { server, port } = await served({ listener: (_, res) => void res.end('hello') })
    const client = await RawClient.connect(port)
    client.send(get())
    await client.responses(1)
    const closed = server.close({ noticeMs: 200 })
    client.send(get())
    const [, last] = await client.responses(2)
    expect(last!.headers).toContainEqual(['connection', 'close'])
    await closed
  })

  test('tells who is answered for at the end of the grace, too', async () => {
    const begun = deferred<void>()
    const listener = () => begun.resolve()
    const { server, port } = await served({ listener, timeoutMs: 60_000 })
    const client = await RawClient.sending(port, get())
    await begun.promise
    const closed = server.close({ graceMs: 0 })
    const { status, headers } = await client.response()
    expect([status, headers.filter(([name]) => name === 'connection')]).toEqual([
      503,
      [['connection', 'close']],
    ])
    await closed
  })

  test.each([
    ['the server', (options) => options],
    ['the app', ({ listener }) => ({ listener: guardListener(listener) })],
  ] as [string, (options: ServeListenerOptions) => ServeListenerOptions][])(
    'tells a client whose handler is cut short that its connection ends, if %s guards it',
    async (_, guarded) => {
      const begun = deferred<void>()
      const listener = () => begun.resolve()
      const { server, port } = await served(guarded({ listener, timeoutMs: 60_000 }))
      const client = await RawClient.sending(port, get())
      await begun.promise
      const closed = server.close({ graceMs: 0 })
      const { status, headers } = await client.response()
      expect([status, headers.find(([name]) => name === 'connection')]).toEqual([
        503,
        ['connection', 'close'],
      ])
      await closed
    },
  )

  test.each([
    [{ fetch: () => new Response(), listener: () => {} }, 'fetch'],
    [{ listener: 'app' }, 'listener'],
    [{ listener: () => {}, websocket: {} }, 'websocket'],
    [{ listener: () => {}, overrideGlobalObjects: false }, 'overrideGlobalObjects'],
    [{ listener: () => {}, buffer: true }, 'buffer'],
    [{}, 'fetch'],
  ])('refuses %o, by the name of the option', (options, name) => {
    expect(() => serve(options as never)).toThrow(`Invalid option ${name}`)
  })
})
