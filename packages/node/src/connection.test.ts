import { ClientClosedError, guard, type Outcome } from '@curfew/core'
import { describe, expect, test } from 'vitest'
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
  source,
  start,
  startUnguarded,
  watchOutput,
} from '../test/support.ts'

/** A handler that never answers, and the signals of those who called it. */
function waiting() {
  const signals = new Journal<AbortSignal>()
  const handler = (request: Request) => {
    signals.add(request.signal)
    return never()
  }
  return { signals, handler }
}

const large = () => new Response('x'.repeat(10_000_000))

describe.each(protocols)('a client that leaves over %s', (protocol) => {
  test('while the handler runs: the signal tells why, and it is recorded once', async () => {
    const output = watchOutput()
    const { signals, handler } = waiting()
    const { server, port, outcomes } = await start(handler, { protocol })
    const client = call(protocol, port)
    const signal = await signals.first()
    client.leave()
    const reason = await aborted(signal)
    expect(reason).toBeInstanceOf(ClientClosedError)
    expect(reason).toMatchObject({ name: 'AbortError', code: 'CLIENT_CLOSED' })
    await server.close({ graceMs: 0 })
    expect(outcomes.all).toEqual([
      { kind: 'client-closed', phase: 'handling', status: 499, elapsedMs: expect.any(Number) },
    ])
    expect(output).toEqual([])
  })

  test('a fetch() with its signal rejects with the typed error', async () => {
    const upstream = waiting()
    const { port: upstreamPort, outcomes: upstreamOutcomes } = await start(upstream.handler)
    const error = deferred<unknown>()
    const { port, late } = await start(
      async (request: Request) => {
        const answer = fetch(`http://127.0.0.1:${upstreamPort}/`, { signal: request.signal })
        error.resolve(rejection(answer))
        return answer
      },
      { protocol },
    )
    const client = call(protocol, port)
    await upstream.signals.first()
    client.leave()
    expect(await error.promise).toBeInstanceOf(ClientClosedError)
    expect(await late.first()).toMatchObject({ kind: 'cancelled', error: { code: 'CLIENT_CLOSED' } })
    expect(await upstreamOutcomes.first()).toMatchObject({ kind: 'client-closed' })
  })

  test('a signal that is first read afterwards is aborted already', async () => {
    const gate = deferred<void>()
    const begun = deferred<void>()
    const signal = deferred<AbortSignal>()
    const { port, outcomes, late } = await start(
      async (request: Request) => {
        begun.resolve()
        await gate.promise
        signal.resolve(request.signal)
        return new Response('late')
      },
      { protocol },
    )
    const client = call(protocol, port)
    await begun.promise
    client.leave()
    expect(await outcomes.first()).toMatchObject({ kind: 'client-closed', phase: 'handling' })
    gate.resolve()
    const { promise } = signal
    expect((await promise).reason).toBeInstanceOf(ClientClosedError)
    expect(await late.first()).toMatchObject({ kind: 'completed' })
  })

  test('while an upload is read: the body breaks, and it is recorded as the client', async () => {
    const output = watchOutput()
    const begun = deferred<AbortSignal>()
    const { server, port, outcomes, late } = await start(
      async (request: Request) => {
        begun.resolve(request.signal)
        return new Response(await request.text())
      },
      { protocol },
    )
    const client = call(protocol, port, { method: 'POST', headers: { 'content-length': '100' } })
    client.write('half')
    const { promise } = begun
    const signal = await promise
    client.leave()
    expect(await aborted(signal)).toBeInstanceOf(ClientClosedError)
    await late.reached(1)
    await server.close({ graceMs: 0 })
    expect(outcomes.all).toMatchObject([{ kind: 'client-closed', phase: 'handling' }])
    expect(output).toEqual([])
  })

  test('after an upload that nobody reads: the signal tells', async () => {
    const { signals, handler } = waiting()
    const { port, outcomes } = await start(handler, { protocol })
    const client = call(protocol, port, { method: 'POST', body: 'unread' })
    const signal = await signals.first()
    client.leave()
    expect(await aborted(signal)).toBeInstanceOf(ClientClosedError)
    expect(await outcomes.first()).toMatchObject({ kind: 'client-closed', phase: 'handling' })
  })

  test.each([
    ['text', large],
    ['a stream', () => new Response(new Blob(['x'.repeat(10_000_000)]).stream())],
  ])('after the first bytes of 10 MB of %s: client-closed, once, and not a word', async (_, respond) => {
    const output = watchOutput()
    const signal = deferred<AbortSignal>()
    const { server, port, outcomes } = await start(
      async (request: Request) => {
        signal.resolve(request.signal)
        return respond()
      },
      { protocol },
    )
    const client = call(protocol, port)
    await client.begun
    client.pause()
    const { promise } = signal
    expect((await promise).aborted).toBe(false)
    client.leave()
    expect(await aborted(await promise)).toBeInstanceOf(ClientClosedError)
    await server.close({ graceMs: 0 })
    expect(outcomes.all).toMatchObject([{ kind: 'client-closed', phase: 'writing', status: 499 }])
    expect(output).toEqual([])
  })

  test('under a stream: its source is cancelled, with the reason', async () => {
    const { stream, cancelled } = endless()
    const { port, outcomes } = await start(async () => new Response(stream), { protocol })
    const client = call(protocol, port)
    await client.begun
    client.leave()
    expect(await cancelled).toBeInstanceOf(ClientClosedError)
    expect(await outcomes.first()).toMatchObject({ kind: 'client-closed', phase: 'writing' })
  })

  test('under a stream that has nothing to say: its source is cancelled all the same', async () => {
    const quiet = source()
    const { port, outcomes } = await start(() => new Response(quiet.stream), { protocol })
    const client = call(protocol, port)
    quiet.write('one')
    await client.begun
    client.leave()
    expect(await quiet.cancelled).toBeInstanceOf(ClientClosedError)
    expect(await outcomes.first()).toMatchObject({ kind: 'client-closed', phase: 'writing' })
  })

  test('a stream that is returned after it has left is cancelled', async () => {
    const output = watchOutput()
    const work = deferred<Response>()
    const begun = deferred<void>()
    const { port, outcomes, late } = await start(
      () => {
        begun.resolve()
        return work.promise
      },
      { protocol },
    )
    const client = call(protocol, port)
    await begun.promise
    client.leave()
    await outcomes.first()
    const { stream, cancelled } = source()
    work.resolve(new Response(stream))
    expect(await cancelled).toBeInstanceOf(ClientClosedError)
    expect(await late.first()).toMatchObject({ kind: 'completed' })
    expect(output).toEqual([])
  })

  test('an unguarded handler that answers a client that has left disturbs nobody', async () => {
    const output = watchOutput()
    const gone = deferred<void>()
    const begun = deferred<void>()
    const { stream, cancelled } = source()
    const { port } = await startUnguarded(
      async (request: Request, env: { outgoing: NodeJS.EventEmitter }) => {
        if (request.url.endsWith('/next')) return new Response('next')
        env.outgoing.once('close', () => gone.resolve())
        begun.resolve()
        await gone.promise
        return new Response(stream)
      },
      { protocol },
    )
    const client = call(protocol, port)
    await begun.promise
    client.leave()
    await cancelled
    expect((await fetched(protocol, port, { path: '/next' })).body).toBe('next')
    expect(output).toEqual([])
  })

  test('after its whole response changes nothing any more', async () => {
    const signals: AbortSignal[] = []
    const { server, port, outcomes } = await start(
      async (request: Request) => {
        signals.push(request.signal)
        return new Response('hello')
      },
      { protocol },
    )
    const client = call(protocol, port)
    await client.answer
    client.leave()
    await server.close()
    expect(outcomes.all).toMatchObject([{ kind: 'completed', status: 200 }])
    expect(signals.map((signal) => signal.aborted)).toEqual([false])
  })
})

describe.each(['h2c', 'h2'] as const)('an HTTP/2 connection (%s)', (protocol) => {
  test('that is destroyed takes all of its requests along', async () => {
    const { signals, handler } = waiting()
    const { port, outcomes } = await start(handler, { protocol })
    const client = session(protocol, port)
    for (let index = 0; index < 5; index++) call(protocol, port, { session: client })
    const all = await signals.reached(5)
    client.destroy()
    for (const signal of all) expect(await aborted(signal)).toBeInstanceOf(ClientClosedError)
    expect((await outcomes.reached(5)).map(({ kind }) => kind)).toEqual(Array(5).fill('client-closed'))
  })

  test('goes on after one of its streams was reset', async () => {
    const { stream, cancelled } = endless()
    const { port } = await start(
      (request: Request) => (request.url.endsWith('/endless') ? new Response(stream) : new Response('next')),
      { protocol },
    )
    const client = session(protocol, port)
    const reset = call(protocol, port, { session: client, path: '/endless' })
    await reset.begun
    reset.leave()
    await cancelled
    expect(await fetched(protocol, port, { session: client })).toMatchObject({ status: 200, body: 'next' })
  })
})

const ways: [name: string, leave: (client: RawClient) => void][] = [
  ['a half-close', (client) => client.halfClose()],
  ['a close', (client) => client.close()],
  ['a reset', (client) => client.reset()],
]

describe.each(ways)('over HTTP/1.1, by %s', (_, leave) => {
  test('while the handler runs: nothing is written', async () => {
    const { signals, handler } = waiting()
    const { server, port, outcomes } = await start(handler)
    const client = await RawClient.sending(port, get())
    const signal = await signals.first()
    leave(client)
    expect(await aborted(signal)).toBeInstanceOf(ClientClosedError)
    await client.over
    expect(client.received).toBe('')
    await server.close({ graceMs: 0 })
    expect(outcomes.all).toMatchObject([{ kind: 'client-closed', phase: 'handling' }])
  })

  test('during the second request of its connection', async () => {
    const { signals, handler } = waiting()
    const { port, outcomes } = await start((request: Request) =>
      request.url.endsWith('/first') ? new Response('first') : handler(request),
    )
    const client = await RawClient.sending(port, get('/first'))
    await client.response()
    const before = client.received
    client.send(get('/second'))
    const signal = await signals.first()
    leave(client)
    expect(await aborted(signal)).toBeInstanceOf(ClientClosedError)
    await client.over
    expect(client.received).toBe(before)
    expect((await outcomes.reached(2)).map(({ kind }) => kind)).toEqual(['completed', 'client-closed'])
  })

  test('with a pipelined request behind: both are told, each is recorded once', async () => {
    const { signals, handler } = waiting()
    const { server, port, outcomes } = await start(handler)
    const client = await RawClient.sending(port, get('/1') + get('/2'))
    const both = await signals.reached(2)
    leave(client)
    for (const signal of both) expect(await aborted(signal)).toBeInstanceOf(ClientClosedError)
    await client.over
    expect(client.received).toBe('')
    await server.close({ graceMs: 0 })
    expect(outcomes.all).toMatchObject([
      { kind: 'client-closed', phase: 'handling' },
      { kind: 'client-closed', phase: 'handling' },
    ])
  })

  test('once the pipelined request has become the first', async () => {
    const { signals, handler } = waiting()
    const { port, outcomes } = await start((request: Request) =>
      request.url.endsWith('/first') ? new Response('first') : handler(request),
    )
    const client = await RawClient.sending(port, get('/first') + get('/second'))
    await client.response()
    const signal = await signals.first()
    leave(client)
    expect(await aborted(signal)).toBeInstanceOf(ClientClosedError)
    expect((await outcomes.reached(2)).map(({ kind }) => kind)).toEqual(['completed', 'client-closed'])
  })

  test('while a pipelined response waits for its turn: it was never delivered', async () => {
    const { signals, handler } = waiting()
    const handled = deferred<void>()
    const { server, port, outcomes } = await start((request: Request) => {
      if (!request.url.endsWith('/2')) return handler(request)
      handled.resolve()
      return new Response('second')
    })
    const client = await RawClient.sending(port, get('/1') + get('/2'))
    const signal = await signals.first()
    await handled.promise
    leave(client)
    await aborted(signal)
    await client.over
    expect(client.received).toBe('')
    await outcomes.reached(2)
    await server.close({ graceMs: 0 })
    expect(outcomes.all.map((outcome) => [outcome.kind, 'phase' in outcome && outcome.phase]).sort()).toEqual(
      [
        ['client-closed', 'handling'],
        ['client-closed', 'writing'],
      ],
    )
  })

  test('while a pipelined stream waits for its turn: its source is cancelled', async () => {
    const { signals, handler } = waiting()
    const { stream, pulled, cancelled } = endless()
    const streamed = deferred<void>()
    const { server, port, outcomes } = await start(async (request: Request) => {
      if (!request.url.endsWith('/2')) return handler(request)
      streamed.resolve()
      return new Response(stream)
    })
    const client = await RawClient.sending(port, get('/1') + get('/2'))
    const signal = await signals.first()
    await streamed.promise
    leave(client)
    await aborted(signal)
    expect(await cancelled).toBeInstanceOf(ClientClosedError)
    expect(pulled.bytes).toBeLessThan(5_000_000)
    await outcomes.reached(2)
    await server.close({ graceMs: 0 })
    expect(outcomes.all.map(({ kind }) => kind)).toEqual(['client-closed', 'client-closed'])
  })

  test('with 30 requests in its pipeline: all are told, without a warning', async () => {
    const output = watchOutput()
    const { signals, handler } = waiting()
    const { port, outcomes } = await start(handler)
    const client = await RawClient.sending(port, get().repeat(30))
    const all = await signals.reached(30)
    leave(client)
    for (const signal of all) expect(await aborted(signal)).toBeInstanceOf(ClientClosedError)
    expect((await outcomes.reached(30)).map(({ kind }) => kind)).toEqual(Array(30).fill('client-closed'))
    expect(output).toEqual([])
  })

  test('after an upload that nobody reads', async () => {
    const { signals, handler } = waiting()
    const { port, outcomes } = await start(handler)
    const client = await RawClient.sending(
      port,
      `${get('/', { method: 'POST', headers: ['Content-Length: 6'] })}unread`,
    )
    const signal = await signals.first()
    leave(client)
    expect(await aborted(signal)).toBeInstanceOf(ClientClosedError)
    expect(await outcomes.first()).toMatchObject({ kind: 'client-closed', phase: 'handling' })
    await client.over
    expect(client.received).toBe('')
  })

  test('in the middle of an upload that is read', async () => {
    const { port, outcomes, late } = await start(
      async (request: Request) => new Response(await request.text()),
    )
    const client = await RawClient.sending(
      port,
      `${get('/', { method: 'POST', headers: ['Content-Length: 100'] })}half`,
    )
    // A second connection that is answered shows that the bytes of the first have arrived, too.
    await fetched('http', port)
    leave(client)
    await outcomes.reached(2)
    expect(outcomes.all[1]).toMatchObject({ kind: 'client-closed', phase: 'handling' })
    expect(await late.first()).toMatchObject({ outcome: { kind: 'client-closed' } })
    await client.over
  })
})

describe.each(ways.slice(1))('over HTTP/1.1, by %s', (_, leave) => {
  test.each([
    ['text', large],
    ['bytes', () => new Response(Buffer.alloc(10_000_000))],
    ['a stream', () => new Response(endless().stream)],
    ['a Blob', () => new Response(new Blob(['x'.repeat(10_000_000)]))],
  ])(
    'after the first bytes of %s, guarded or inside: client-closed, once, and not a word',
    async (_, respond) => {
      const output = watchOutput()
      const outcomes = new Journal<Outcome>()
      const onOutcome = (outcome: Outcome) => outcomes.add(outcome)
      const outside = await start(async () => respond(), { onOutcome })
      const inside = await startUnguarded(guard(async () => respond(), { onOutcome }))
      for (const { port } of [outside, inside]) {
        const client = await RawClient.sending(port, get())
        await client.bytes(200)
        client.socket.pause()
        leave(client)
      }
      await outcomes.reached(2)
      await outside.server.close({ graceMs: 0 })
      await inside.server.close({ graceMs: 0 })
      const expected = { kind: 'client-closed', phase: 'writing', status: 499 }
      expect(outcomes.all).toMatchObject([expected, expected])
      expect(output).toEqual([])
    },
  )
})

test('a guard that is reached after the client has left does not run its handler', async () => {
  const output = watchOutput()
  const outcomes = new Journal<Outcome>()
  const begun = deferred<void>()
  const gone = deferred<void>()
  let ran = 0
  const guarded = guard(
    () => {
      ran++
      return new Response()
    },
    { onOutcome: (outcome) => outcomes.add(outcome) },
  )
  const { port } = await startUnguarded(async (request: Request, env: { outgoing: NodeJS.EventEmitter }) => {
    env.outgoing.once('close', () => gone.resolve())
    begun.resolve()
    await gone.promise
    return guarded(request)
  })
  const client = await RawClient.sending(port, get())
  await begun.promise
  client.reset()
  expect(await outcomes.first()).toMatchObject({ kind: 'client-closed', phase: 'waiting' })
  expect(ran).toBe(0)
  expect(output).toEqual([])
})

test('a handler that throws because its client has left is no failure', async () => {
  const { port, outcomes, late } = await start(async (request: Request) => {
    await request.text()
    throw new Error('half a body')
  })
  const client = await RawClient.sending(
    port,
    `${get('/', { method: 'POST', headers: ['Content-Length: 100'] })}half`,
  )
  await fetched('http', port)
  client.reset()
  const [, second] = await outcomes.reached(2)
  expect(second).toMatchObject({ kind: 'client-closed' })
  await late.reached(1)
  expect(outcomes.all).toHaveLength(2)
})
