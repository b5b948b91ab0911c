import { once } from 'node:events'
import type { ClientHttp2Session } from 'node:http2'
import { connect } from 'node:net'
import { guard, type Outcome, ShutdownError } from '@curfew/core'
import { describe, expect, onTestFinished, test } from 'vitest'
import { get, RawClient } from '../test/raw-client.ts'
import {
  aborted,
  call,
  deferred,
  endless,
  fetched,
  Journal,
  never,
  protocols,
  rejection,
  session,
  soon,
  source,
  start,
  startUnguarded,
  watchOutput,
} from '../test/support.ts'
import { serve } from './index.ts'

/** Longer than any test may take: whoever waits for the end of it fails. */
const LONG_MS = 60_000

function refused(port: number): Promise<unknown> {
  const socket = connect(port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  return new Promise((resolve) => {
    socket.once('connect', () => resolve('connected'))
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code))
  })
}

describe.each(protocols)('close() over %s', (protocol) => {
  test('with nobody there resolves at once', async () => {
    const { server, port } = await start(() => new Response(), { protocol })
    await soon(server.close({ graceMs: LONG_MS }))
    expect(server.server.listening).toBe(false)
    expect(await refused(port)).toBe('ECONNREFUSED')
  })

  test('lets a running request finish, and refuses new connections meanwhile', async () => {
    const work = deferred<Response>()
    const begun = deferred<AbortSignal>()
    const { server, port, outcomes } = await start(
      (request: Request) => {
        begun.resolve(request.signal)
        return work.promise
      },
      { protocol },
    )
    const answer = fetched(protocol, port)
    const { promise } = begun
    const signal = await promise
    const closed = server.close({ graceMs: LONG_MS })
    expect(await refused(port)).toBe('ECONNREFUSED')
    expect(signal.aborted).toBe(false)
    work.resolve(new Response('finished'))
    expect(await answer).toMatchObject({ status: 200, body: 'finished', broken: undefined })
    await soon(closed)
    expect(await outcomes.reached(1)).toMatchObject([{ kind: 'completed', status: 200 }])
  })

  test('lets a stream finish', async () => {
    const { stream, write, end } = source()
    const { server, port, outcomes } = await start(() => new Response(stream), { protocol })
    const client = call(protocol, port)
    write('one ')
    await client.begun
    const closed = server.close({ graceMs: LONG_MS })
    write('two')
    end()
    expect(await client.answer).toMatchObject({ body: 'one two', broken: undefined })
    await soon(closed)
    expect(await outcomes.reached(1)).toMatchObject([{ kind: 'completed' }])
  })

  test.each([
    ['text', () => new Response('x'.repeat(20_000_000))],
    ['a stream', () => new Response(new Blob(['x'.repeat(20_000_000)]).stream())],
  ])('lets %s of 20 MB arrive whole, however slow its reader', async (_, respond) => {
    const { server, port, outcomes } = await start(async () => respond(), { protocol })
    const client = call(protocol, port)
    await client.begun
    client.pause()
    const closed = server.close({ graceMs: LONG_MS })
    // Round trips elsewhere, so that there is time to cut it.
    const { port: elsewhere } = await start(() => new Response())
    for (let index = 0; index < 100; index++) await fetched('http', elsewhere)
    client.resume()
    const { body, broken } = await client.answer
    expect({ length: body.length, broken }).toEqual({ length: 20_000_000, broken: undefined })
    await soon(closed)
    expect(await outcomes.reached(1)).toMatchObject([{ kind: 'completed' }])
  })

  test('lets an upload finish', async () => {
    const begun = deferred<void>()
    const { server, port } = await start(
      async (request: Request) => {
        begun.resolve()
        return new Response(await request.text())
      },
      { protocol },
    )
    const client = call(protocol, port, { method: 'POST' })
    client.write('one ')
    await begun.promise
    const closed = server.close({ graceMs: LONG_MS })
    client.end('two')
    expect(await client.answer).toMatchObject({ status: 200, body: 'one two' })
    await soon(closed)
  })

  test('after the grace aborts the handler, whose client reads 503', async () => {
    const begun = deferred<AbortSignal>()
    const { server, port, outcomes } = await start(
      (request: Request) => {
        begun.resolve(request.signal)
        return never()
      },
      { protocol },
    )
    const answer = fetched(protocol, port)
    const { promise } = begun
    const signal = await promise
    const closed = server.close({ graceMs: 20 })
    const { status, headers, body, broken } = await answer
    expect({ status, broken }).toEqual({ status: 503, broken: undefined })
    expect(headers['content-type']).toBe('application/problem+json')
    expect(JSON.parse(body)).toMatchObject({ status: 503, code: 'SHUTDOWN' })
    expect(await aborted(signal)).toBeInstanceOf(ShutdownError)
    await soon(closed)
    expect(await outcomes.reached(1)).toMatchObject([
      { kind: 'failed', phase: 'handling', status: 503, error: { code: 'SHUTDOWN' } },
    ])
  })

  test('tells a guard further in, when the server itself has none', async () => {
    const begun = deferred<AbortSignal>()
    const outcomes = new Journal<Outcome>()
    const guarded = guard(
      (request: Request) => {
        begun.resolve(request.signal)
        return never()
      },
      { onOutcome: (outcome) => outcomes.add(outcome) },
    )
    const { server, port } = await startUnguarded(async (request: Request) => guarded(request), { protocol })
    const answer = fetched(protocol, port)
    const { promise } = begun
    const signal = await promise
    const closed = server.close({ graceMs: 20 })
    expect(await answer).toMatchObject({ status: 503, body: expect.stringContaining('SHUTDOWN') })
    expect(await aborted(signal)).toBeInstanceOf(ShutdownError)
    await soon(closed)
    expect(await outcomes.reached(1)).toMatchObject([
      { kind: 'failed', phase: 'handling', error: { code: 'SHUTDOWN' } },
    ])
    expect(guarded.stats).toMatchObject({ active: 0, abandoned: 1 })
  })

  test('ends the connection of a handler that has no guard at all', async () => {
    const output = watchOutput()
    const begun = deferred<void>()
    const { server, port } = await startUnguarded(
      () => {
        begun.resolve()
        return never()
      },
      { protocol },
    )
    const answer = fetched(protocol, port)
    await begun.promise
    await soon(server.close({ graceMs: 0 }))
    expect(await rejection(answer)).toBeInstanceOf(Error)
    expect(output).toEqual([])
  })

  test('cuts a stream that is still being written, which is a failure of this side', async () => {
    const output = watchOutput()
    const { stream, pulled, cancelled } = endless('x')
    const begun = deferred<AbortSignal>()
    const { server, port, outcomes } = await start(
      (request: Request) => {
        begun.resolve(request.signal)
        return new Response(stream)
      },
      { protocol },
    )
    const client = call(protocol, port)
    await client.begun
    await soon(server.close({ graceMs: 0 }))
    const { status, broken } = await client.answer
    expect(status).toBe(200)
    expect(broken).toBeDefined()
    await cancelled
    expect(pulled.chunks).toBeGreaterThan(0)
    expect(await outcomes.reached(1)).toMatchObject([
      { kind: 'failed', phase: 'streaming', error: { code: 'SHUTDOWN' } },
    ])
    expect(output).toEqual([])
  })

  test('tells the signal of a stream that it cuts', async () => {
    const { stream } = endless('x')
    const begun = deferred<AbortSignal>()
    const { server, port } = await start(
      async (request: Request) => {
        begun.resolve(request.signal)
        return new Response(stream)
      },
      { protocol },
    )
    const client = call(protocol, port)
    await client.begun
    const { promise } = begun
    const signal = await promise
    await soon(server.close({ graceMs: 0 }))
    expect(await soon(aborted(signal))).toBeInstanceOf(ShutdownError)
  })

  test('cuts the text that a client does not take', async () => {
    const { server, port, outcomes } = await start(async () => new Response('x'.repeat(30_000_000)), {
      protocol,
    })
    const client = call(protocol, port)
    await client.begun
    client.pause()
    await soon(server.close({ graceMs: 0 }))
    expect(await outcomes.reached(1)).toMatchObject([
      { kind: 'failed', phase: 'streaming', error: { code: 'SHUTDOWN' } },
    ])
  })

  test('takes the handler that ignores its signal for what it is, and resolves', async () => {
    const begun = deferred<void>()
    const work = deferred<Response>()
    const { server, port, late } = await start(
      () => {
        begun.resolve()
        return work.promise
      },
      { protocol },
    )
    const answer = fetched(protocol, port)
    await begun.promise
    await soon(server.close({ graceMs: 0 }))
    expect((await answer).status).toBe(503)
    work.resolve(new Response('late'))
    expect(await late.first()).toMatchObject({ kind: 'completed', outcome: { kind: 'failed' } })
  })

  test('a second time gives the same promise', async () => {
    const begun = deferred<void>()
    const work = deferred<Response>()
    const { server, port } = await start(
      () => {
        begun.resolve()
        return work.promise
      },
      { protocol },
    )
    const answer = fetched(protocol, port)
    await begun.promise
    const first = server.close({ graceMs: LONG_MS })
    expect(server.close()).toBe(first)
    work.resolve(new Response('finished'))
    expect((await answer).body).toBe('finished')
    await soon(first)
    expect(server.close({ graceMs: 0 })).toBe(first)
  })
})

describe.each(['h2c', 'h2'] as const)('close() over %s', (protocol) => {
  test('ends an idle session at once', async () => {
    const { server, port } = await start(() => new Response('hello'), { protocol })
    const client = session(protocol, port)
    const over = new Promise<void>((resolve) => client.once('close', resolve))
    await fetched(protocol, port, { session: client })
    await soon(server.close({ graceMs: LONG_MS }))
    await soon(over)
  })

  test('ends a session that has not asked for anything at once', async () => {
    const { server, port } = await start(() => new Response('hello'), { protocol })
    const client = session(protocol, port)
    await new Promise<void>((resolve) => client.once('remoteSettings', () => resolve()))
    await soon(server.close({ graceMs: LONG_MS }))
  })

  test('lets all streams of a session finish, and no new one begin', async () => {
    const work = deferred<Response>()
    const begun = new Journal<string>()
    const { server, port } = await start(
      (request: Request) => {
        begun.add(request.url)
        return work.promise.then((response) => response.clone())
      },
      { protocol },
    )
    const client = session(protocol, port)
    const goaway = new Promise<void>((resolve) => client.once('goaway', () => resolve()))
    const answers = [1, 2, 3].map(() => fetched(protocol, port, { session: client }))
    await begun.reached(3)
    const closed = server.close({ graceMs: LONG_MS })
    await soon(goaway)
    const refused = refusal(client)
    work.resolve(new Response('finished'))
    for (const answer of answers) expect(await answer).toMatchObject({ body: 'finished', broken: undefined })
    await soon(closed)
    await soon(refused)
    expect(begun.all).toHaveLength(3)
  })
})

/** Node 20 refuses a stream of a session that is going away by throwing, Node 24 by an error once it has gone. */
function refusal(client: ClientHttp2Session): Promise<unknown> {
  try {
    return once(client.request({ ':path': '/new' }), 'error')
  } catch (error) {
    return Promise.resolve(error)
  }
}

describe('close() over HTTP/1.1', () => {
  test('ends idle keep-alive connections at once', async () => {
    const { server, port } = await start(() => new Response('hello'))
    const clients = await Promise.all([1, 2, 3].map(() => RawClient.sending(port, get())))
    for (const client of clients) expect((await client.response()).body).toBe('hello')
    await soon(server.close({ graceMs: LONG_MS }))
    for (const client of clients) expect(await client.over).toBeUndefined()
  })

  test('ends a connection that has not asked for anything at once', async () => {
    const { server, port } = await start(() => new Response('hello'))
    const silent = await RawClient.connect(port)
    // Whoever is answered came later, so the server knows both.
    expect((await fetched('http', port)).body).toBe('hello')
    await soon(server.close({ graceMs: LONG_MS }))
    await silent.over
  })

  test.each(['has been used', 'is new'])(
    'answers a request that has come, although nobody has read it, on a connection that %s',
    async (how) => {
      const { server, port, outcomes } = await start(() => new Response('hello'))
      const client = await RawClient.connect(port)
      const before = how === 'is new' ? 0 : 1
      if (before) client.send(get())
      if (before) await client.response()
      // Whoever is answered came later, so the server knows both.
      else await fetched('http', port)
      client.send(get())
      const closed = server.close({ graceMs: LONG_MS })
      const responses = await client.responses(before + 1)
      expect(responses.at(-1)).toMatchObject({ status: 200, body: 'hello' })
      expect(responses.at(-1)!.headers).toContainEqual(['connection', 'close'])
      expect(await client.over).toBeUndefined()
      await soon(closed)
      expect(outcomes.all.map(({ kind }) => kind)).toEqual(['completed', 'completed'])
    },
  )

  test('ends a connection once its last request is answered', async () => {
    const begun = deferred<void>()
    const work = deferred<Response>()
    const { server, port } = await start(() => {
      begun.resolve()
      return work.promise
    })
    const client = await RawClient.sending(port, get())
    await begun.promise
    const closed = server.close({ graceMs: LONG_MS })
    work.resolve(new Response('finished'))
    expect((await client.response()).body).toBe('finished')
    await soon(closed)
    expect(await client.over).toBeUndefined()
  })

  test('lets pipelined requests finish in order', async () => {
    const begun = deferred<void>()
    const gate = deferred<void>()
    let running = 0
    const { server, port } = await start(async (request: Request) => {
      if (++running === 3) begun.resolve()
      await gate.promise
      return new Response(new URL(request.url).pathname)
    })
    const client = await RawClient.sending(port, get('/1') + get('/2') + get('/3'))
    await begun.promise
    const closed = server.close({ graceMs: LONG_MS })
    gate.resolve()
    expect((await client.responses(3)).map(({ body }) => body)).toEqual(['/1', '/2', '/3'])
    await soon(closed)
  })

  test('answers pipelined requests 503 in order after the grace', async () => {
    const begun = deferred<void>()
    let running = 0
    const { server, port, outcomes } = await start(() => {
      if (++running === 3) begun.resolve()
      return never()
    })
    const client = await RawClient.sending(port, get().repeat(3))
    await begun.promise
    await soon(server.close({ graceMs: 0 }))
    expect((await client.responses(3)).map(({ status }) => status)).toEqual([503, 503, 503])
    expect((await outcomes.reached(3)).map(({ kind }) => kind)).toEqual(['failed', 'failed', 'failed'])
  })

  test('a response to HTTP/1.0 that it cuts does not end as if it were whole', async () => {
    const { stream, write } = source()
    const { server, port } = await start(() => new Response(stream))
    const client = await RawClient.sending(port, 'GET / HTTP/1.0\r\nHost: a\r\n\r\n')
    write('half')
    await client.saw('half')
    await soon(server.close({ graceMs: 0 }))
    expect(await client.over).toBe('ECONNRESET')
  })
})

describe('close() before the server listens', () => {
  test.each([
    ['without a hostname', {}],
    ['with an address', { hostname: '127.0.0.1' }],
    ['with a name', { hostname: 'localhost' }],
  ])('%s: it does not listen afterwards', async (_, options) => {
    const server = serve({ fetch: () => new Response(), port: 0, ...options })
    onTestFinished(() => void server.server.close())
    const listened = server.listening.then(
      () => 'listened',
      () => 'gave up',
    )
    await soon(server.close({ graceMs: 0 }))
    // The look-up of a name has had its time once another server that looks up the same one is there.
    const other = serve({ fetch: () => new Response(), port: 0, ...options })
    await other.listening
    await other.close()
    expect(server.server.listening).toBe(false)
    await soon(listened)
  })
})

test.each([[Number.NaN], [-1], ['50'], [null]])('close({ graceMs: %j }) is refused', async (graceMs) => {
  const { server } = await start(() => new Response())
  expect(() => server.close({ graceMs: graceMs as never })).toThrow(/Invalid option graceMs/)
  await soon(server.close())
})

test('close({ graceMs: Infinity }) waits until the last request has finished', async () => {
  const work = deferred<Response>()
  const begun = deferred<void>()
  const { server, port } = await start(() => {
    begun.resolve()
    return work.promise
  })
  const client = await RawClient.sending(port, get())
  await begun.promise
  const closed = server.close({ graceMs: Number.POSITIVE_INFINITY })
  work.resolve(new Response('finished'))
  expect(await client.response()).toMatchObject({ status: 200, body: 'finished' })
  await soon(closed)
})

test('close() does not wait for a TLS handshake that nobody begins', async () => {
  const { server, port } = await start(() => new Response(), { protocol: 'h2' })
  const socket = connect(port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  await soon(server.close({ graceMs: LONG_MS }))
})
