import { HandlerTimeoutError } from '@curfew/core'
import { ManualClock } from '@curfew/core/testing'
import { describe, expect, test } from 'vitest'
import { get, RawClient } from '../test/raw-client.ts'
import {
  aborted,
  call,
  deferred,
  endless,
  fetched,
  protocols,
  session,
  soon,
  source,
  start,
  startUnguarded,
  watchOutput,
} from '../test/support.ts'

/** What a client sees of a response that was broken off. */
const broken = {
  http: 'ECONNRESET',
  https: expect.stringMatching(/ECONNRESET|INCOMPLETE/),
  h2c: 'RST 2',
  h2: 'RST 2',
} as const

describe.each(protocols)('a stream over %s', (protocol) => {
  test('arrives piece by piece, and is recorded when it has ended', async () => {
    const { stream, write, end } = source()
    const { server, port, outcomes } = await start(async () => new Response(stream, { status: 201 }), {
      protocol,
    })
    const client = call(protocol, port)
    write('one ')
    await client.begun
    expect(outcomes.all).toEqual([])
    write('two ')
    write('')
    write('three')
    end()
    expect(await client.answer).toMatchObject({ status: 201, body: 'one two three', broken: undefined })
    await outcomes.reached(1)
    await server.close()
    expect(outcomes.all).toMatchObject([{ kind: 'completed', status: 201 }])
  })

  test('that is empty ends cleanly', async () => {
    const { stream, end } = source()
    end()
    const { port, outcomes } = await start(() => new Response(stream), { protocol })
    expect(await fetched(protocol, port)).toMatchObject({ status: 200, body: '', broken: undefined })
    expect(await outcomes.first()).toMatchObject({ kind: 'completed' })
  })

  test('keeps the content-length that the handler gave', async () => {
    const { port } = await start(
      () => new Response(new Blob(['hello']).stream(), { headers: { 'content-length': '5' } }),
      { protocol },
    )
    const { headers, body } = await fetched(protocol, port)
    expect(headers['content-length']).toBe('5')
    expect(headers['transfer-encoding']).toBeUndefined()
    expect(body).toBe('hello')
  })

  test('goes on past the deadline, which ends with the head', async () => {
    const clock = new ManualClock()
    const { stream, write, end } = source()
    const { port, outcomes } = await start(async () => new Response(stream), {
      protocol,
      clock,
      timeoutMs: 5_000,
    })
    const client = call(protocol, port)
    write('one ')
    await client.begun
    await clock.advance(60_000)
    write('two')
    end()
    expect(await client.answer).toMatchObject({ body: 'one two', broken: undefined })
    expect(await outcomes.first()).toMatchObject({ kind: 'completed' })
  })

  test.each([
    ['before its first chunk', false],
    ['after its first chunk', true],
  ])('that breaks %s is broken off, says nothing of why, and is recorded once', async (_, begin) => {
    const output = watchOutput()
    const { stream, write, fail } = source()
    const error = new Error('secret')
    const { server, port, outcomes } = await start(async () => new Response(stream), { protocol })
    const client = call(protocol, port)
    if (begin) {
      write('one')
      await client.begun
    }
    fail(error)
    const answer = await client.answer.catch((reason: Error) => reason)
    if (answer instanceof Error) expect(answer.message).not.toContain('secret')
    else expect(answer).toMatchObject({ status: 200, body: begin ? 'one' : '', broken: broken[protocol] })
    await server.close()
    expect(outcomes.all).toMatchObject([{ kind: 'failed', phase: 'streaming' }])
    expect(outcomes.all[0]).toHaveProperty('error', error)
    expect(output).toEqual([])
  })

  test('that breaks under no guard is broken off, and says nothing either', async () => {
    const output = watchOutput()
    const { stream, write, fail } = source()
    const { port } = await startUnguarded(async () => new Response(stream), { protocol })
    const client = call(protocol, port)
    write('one')
    await client.begun
    fail(new Error('secret'))
    expect(await client.answer).toMatchObject({ body: 'one', broken: broken[protocol] })
    expect(output).toEqual([])
  })

  test.each([
    ['a number', 1],
    ['an object', {}],
    ['null', null],
  ])('with %s among its chunks is broken off, and its source is cancelled', async (_, chunk) => {
    const output = watchOutput()
    const cancelled = deferred<void>()
    const stream = new ReadableStream({
      start(controller) {
        controller.enqueue(Buffer.from('one'))
        controller.enqueue(chunk)
      },
      cancel: () => cancelled.resolve(),
    })
    const { port, outcomes } = await start(async () => new Response(stream), { protocol })
    const answer = await fetched(protocol, port).catch((reason: Error) => reason)
    if (!(answer instanceof Error)) expect(answer.broken).toEqual(broken[protocol])
    await cancelled.promise
    expect(await outcomes.first()).toMatchObject({ kind: 'failed', phase: 'streaming' })
    expect(output).toEqual([])
  })

  test('with text among its chunks sends it or breaks, but never loses it', async () => {
    const stream = new ReadableStream({
      start(controller) {
        controller.enqueue(Buffer.from('one'))
        controller.enqueue('two')
        controller.close()
      },
    })
    const { port } = await start(async () => new Response(stream), { protocol })
    const answer = await fetched(protocol, port).catch(() => undefined)
    if (answer?.broken === undefined) expect(answer?.body ?? 'onetwo').toBe('onetwo')
    else expect(answer.broken).toEqual(broken[protocol])
  })

  test.each([
    ['rejects', () => Promise.reject(new Error('no'))],
    [
      'throws',
      () => {
        throw new Error('no')
      },
    ],
    ['never ends', () => new Promise<void>(() => {})],
  ])('whose cancel() %s disturbs nobody', async (_, cancel) => {
    const output = watchOutput()
    const stream = new ReadableStream({
      start: (controller) => controller.enqueue(Buffer.from('one')),
      cancel,
    })
    const { server, port, outcomes } = await start(async () => new Response(stream), { protocol })
    const client = call(protocol, port)
    await client.begun
    client.leave()
    expect(await outcomes.first()).toMatchObject({ kind: 'client-closed', phase: 'writing' })
    await server.close({ graceMs: 0 })
    expect(output).toEqual([])
  })

  test('that comes after the timeout is cancelled with the reason', async () => {
    const clock = new ManualClock()
    const begun = deferred<void>()
    const work = deferred<Response>()
    const { port } = await start(
      () => {
        begun.resolve()
        return work.promise
      },
      { protocol, clock, timeoutMs: 5_000 },
    )
    const answer = fetched(protocol, port)
    await begun.promise
    await clock.advance(5_000)
    const { stream, cancelled } = source()
    work.resolve(new Response(stream))
    expect(await cancelled).toBeInstanceOf(HandlerTimeoutError)
    expect((await answer).status).toBe(503)
  })

  test('waits for a slow reader, who gets everything', async () => {
    const chunk = 64 * 1024
    const total = 512
    const bytes = Buffer.alloc(chunk, 'x')
    let pulled = 0
    const stream = new ReadableStream(
      {
        pull(controller) {
          if (pulled === total) return controller.close()
          pulled++
          controller.enqueue(bytes)
        },
      },
      { highWaterMark: 0 },
    )
    const { port, outcomes } = await start(
      (request: Request) => (request.url.endsWith('/other') ? new Response() : new Response(stream)),
      { protocol },
    )
    const client = call(protocol, port)
    await client.begun
    client.pause()
    // Plenty of turns of the event loop, in which a writer that waits for nobody would pull it all.
    for (let index = 0; index < 100; index++) await fetched('http', await otherPort(port, protocol))
    expect(pulled).toBeLessThan((total * 2) / 3)
    client.resume()
    const { body, broken: how } = await client.answer
    expect({ length: body.length, how }).toEqual({ length: chunk * total, how: undefined })
    expect(pulled).toBe(total)
    await outcomes.reached(1)
  })

  test('with a limit on its silence is broken off when that strikes', async () => {
    const clock = new ManualClock()
    const { stream, write, cancelled } = source()
    const signal = deferred<AbortSignal>()
    const { port, outcomes } = await start(
      async (request: Request) => {
        signal.resolve(request.signal)
        return new Response(stream)
      },
      { protocol, clock, streamIdleMs: 1_000 },
    )
    const client = call(protocol, port)
    write('one')
    await client.begun
    await clock.advance(1_000)
    expect(await client.answer).toMatchObject({ body: 'one', broken: broken[protocol] })
    expect(await cancelled).toMatchObject({ code: 'STREAM_TIMEOUT' })
    const { promise } = signal
    expect(await aborted(await promise)).toMatchObject({ code: 'STREAM_TIMEOUT' })
    expect(await outcomes.first()).toMatchObject({ kind: 'timed-out', phase: 'streaming', timeoutMs: 1_000 })
  })

  test('that HEAD asks for is not read, but cancelled', async () => {
    const { stream, cancelled } = endless()
    const { port, outcomes } = await start(() => new Response(stream, { headers: { 'x-a': 'b' } }), {
      protocol,
    })
    expect(await soon(fetched(protocol, port, { method: 'HEAD' }))).toMatchObject({
      status: 200,
      body: '',
      headers: { 'x-a': 'b' },
    })
    await soon(cancelled)
    expect(await soon(outcomes.first())).toMatchObject({ kind: 'completed', status: 200 })
  })

  test.each([
    [
      'that somebody else reads already',
      (response: Response) => {
        response.body?.getReader()
        return response
      },
    ],
    [
      'that has been read',
      async (response: Response) => {
        await response.text()
        return response
      },
    ],
  ])('%s is a 500, and recorded as failed', async (_, use) => {
    const output = watchOutput()
    const { port, outcomes } = await start(async () => use(new Response(new Blob(['used']).stream())), {
      protocol,
    })
    const { status, body } = await fetched(protocol, port)
    expect(status).toBe(500)
    expect(body).not.toContain('Error:')
    expect(await outcomes.first()).toMatchObject({ kind: 'failed', error: expect.any(TypeError) })
    expect(output).toEqual([])
  })
})

let other: { port: number; of: string } | undefined

/** A small server beside the one under test, for round trips that are not its own. */
async function otherPort(port: number, protocol: string): Promise<number> {
  const of = `${protocol} ${port}`
  if (other?.of !== of) other = { of, port: (await start(() => new Response())).port }
  return other.port
}

describe('over HTTP/1.1, a stream', () => {
  test('shows its head before it has a chunk', async () => {
    const { stream, write, end } = source()
    const { port } = await start(
      () => new Response(stream, { headers: { 'content-type': 'text/event-stream' } }),
    )
    const client = await RawClient.sending(port, get())
    await client.saw('\r\n\r\n')
    expect(client.received).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
    write('data: 1\n\n')
    await client.saw('data: 1\n\n')
    end()
    expect(await client.response()).toMatchObject({ body: 'data: 1\n\n', complete: true })
  })

  test('that breaks behind another response resets the connection', async () => {
    const { stream, write, fail } = source()
    const { port } = await start((request: Request) =>
      request.url.endsWith('/1') ? new Response('first') : new Response(stream),
    )
    const client = await RawClient.sending(port, get('/1') + get('/2'))
    write('one')
    await client.saw('one')
    fail(new Error('secret'))
    expect(await client.over).toBe('ECONNRESET')
    const [first, second] = await client.rest()
    expect(first).toMatchObject({ body: 'first', complete: true })
    expect(second).toMatchObject({ body: 'one', complete: false })
    expect(client.received).not.toContain('secret')
  })

  test('that breaks while it waits for its turn takes nothing from the response before it', async () => {
    const output = watchOutput()
    const { stream, write, fail } = source()
    const first = deferred<Response>()
    const streamed = deferred<void>()
    const { port, outcomes } = await start((request: Request) => {
      if (request.url.endsWith('/1')) return first.promise
      streamed.resolve()
      return new Response(stream)
    })
    const client = await RawClient.sending(port, get('/1') + get('/2'))
    await streamed.promise
    write('one')
    fail(new Error('secret'))
    await fetched('http', await otherPort(port, 'http'))
    first.resolve(new Response('first'))
    const [answered, second] = await client.rest()
    expect(answered).toMatchObject({ status: 200, body: 'first', complete: true })
    expect(second?.complete ?? false).toBe(false)
    expect(client.received).not.toContain('secret')
    const kinds = (await outcomes.reached(2)).map(({ kind }) => kind)
    expect(kinds.sort()).toEqual(['completed', 'failed'])
    expect(output).toEqual([])
  })

  test('that waits for its turn arrives after the response before it', async () => {
    const { stream, write, end } = source()
    const first = deferred<Response>()
    const streamed = deferred<void>()
    const { port, outcomes } = await start((request: Request) => {
      if (request.url.endsWith('/1')) return first.promise
      streamed.resolve()
      return new Response(stream)
    })
    const client = await RawClient.sending(port, get('/1') + get('/2'))
    await streamed.promise
    write('x'.repeat(200_000))
    write('second')
    end()
    await fetched('http', await otherPort(port, 'http'))
    expect(client.received).toBe('')
    first.resolve(new Response('first'))
    const [one, two] = await client.responses(2)
    expect(one?.body).toBe('first')
    expect(two?.body).toBe(`${'x'.repeat(200_000)}second`)
    expect((await outcomes.reached(2)).map(({ kind }) => kind)).toEqual(['completed', 'completed'])
  })

  test('to an HTTP/1.0 client that breaks is reset, for an end would look like the whole', async () => {
    const { stream, write, fail } = source()
    const { port } = await start(() => new Response(stream))
    const client = await RawClient.sending(port, 'GET / HTTP/1.0\r\nHost: a\r\n\r\n')
    write('one')
    await client.saw('one')
    fail(new Error('secret'))
    expect(await client.over).toBe('ECONNRESET')
  })

  test.each([
    ['shorter', 'four'],
    ['longer', 'nine more'],
  ])('%s than its content-length cannot spoil the next response', async (_, text) => {
    const { port, outcomes } = await start((request: Request) =>
      request.url.endsWith('/next')
        ? new Response('next')
        : new Response(new Blob([text]).stream(), { headers: { 'content-length': '6' } }),
    )
    const client = await RawClient.sending(port, get())
    await outcomes.reached(1)
    client.send(get('/next'))
    // Either the connection ends here, or the next response is read as what it is.
    await soon(Promise.race([client.over, client.responses(2)]))
    const bodies = (await client.responses(2).catch(() => [])).map(({ body }) => body)
    if (bodies.length > 0) expect(bodies[1]).toBe('next')
    else expect(await client.over).toBeDefined()
    expect(outcomes.all[0]).toMatchObject({ kind: 'failed', phase: 'streaming' })
  })
})

describe.each(['h2c', 'h2'] as const)('an HTTP/2 connection (%s)', (protocol) => {
  test('goes on after one of its streams broke', async () => {
    const { stream, write, fail } = source()
    const { port } = await start(
      (request: Request) => (request.url.endsWith('/next') ? new Response('next') : new Response(stream)),
      { protocol },
    )
    const client = session(protocol, port)
    const first = call(protocol, port, { session: client })
    write('one')
    await first.begun
    fail(new Error('secret'))
    expect(await first.answer).toMatchObject({ broken: 'RST 2' })
    expect(await fetched(protocol, port, { session: client, path: '/next' })).toMatchObject({ body: 'next' })
    expect(client.destroyed).toBe(false)
  })
})
