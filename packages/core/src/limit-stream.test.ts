import { describe, expect, test } from 'vitest'
import {
  FakeClient,
  get,
  observed,
  soon,
  source,
  spiedResponse,
  thrownBy,
  watchedRequest,
} from '../test/support.ts'
import { attachClient } from './client.ts'
import { ClientClosedError, type GuardOptions, guard, StreamTimeoutError, scopeOf } from './index.ts'

/** A guarded response that streams, and its reader. */
async function streamed(given: GuardOptions, client?: FakeClient) {
  const { options, ...rest } = observed(given)
  const body = source()
  const request = get()
  if (client) attachClient(request, client)
  const guarded = guard(
    async () => new Response(body.stream, { status: 201, headers: { 'x-a': 'b' } }),
    options,
  )
  const response = await soon(guarded(request))
  const reader = response.body!.getReader()
  const read = async (): Promise<string | undefined> => {
    const { done, value } = await reader.read()
    return done ? undefined : new TextDecoder().decode(value)
  }
  return { ...rest, body, request, guarded, response, reader, read }
}

type Streamed = Awaited<ReturnType<typeof streamed>>

describe('a stream under limits', () => {
  test('has the same status, headers and chunks, and is completed at its end', async () => {
    const { clock, outcomes, body, response, read } = await streamed({ streamIdleMs: 50, streamTotalMs: 500 })
    expect([response.status, response.headers.get('x-a')]).toEqual([201, 'b'])
    body.write('one')
    expect(await read()).toBe('one')
    await clock.advance(20)
    body.write('two')
    body.end()
    expect(await read()).toBe('two')
    expect(outcomes).toEqual([])
    expect(await read()).toBeUndefined()
    await clock.advance(0)
    expect(outcomes).toEqual([{ kind: 'completed', status: 201, elapsedMs: 0 }])
    expect(clock.pending).toBe(0)
  })

  test('is not touched without limits', async () => {
    const { options, clock } = observed({ streamIdleMs: false, streamTotalMs: Number.POSITIVE_INFINITY })
    const { response, seen } = spiedResponse()
    expect(guard(() => response, options)(get())).toBe(response)
    await clock.advance(0)
    expect(seen.reads).toBe(0)
  })

  test.each<[string, () => Response, RequestInit]>([
    ['the answer to HEAD', () => new Response('x'), { method: 'HEAD' }],
    ['a response without a body', () => new Response(null, { status: 204 }), {}],
    ['a 101', () => Object.defineProperty(new Response('x'), 'status', { value: 101 }), {}],
  ])('leaves %s alone', async (_, make, init) => {
    const { options, clock, outcomes } = observed({ streamTotalMs: 50 })
    const response = make()
    expect(guard(() => response, options)(get('/', init))).toBe(response)
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'completed' }])
    expect(clock.pending).toBe(0)
  })

  test('whose body cannot be read is a failure that is recorded', async () => {
    const { options, clock, outcomes } = observed({ streamTotalMs: 50 })
    const response = new Response('used')
    await response.text()
    const reply = guard(async () => response, options)(get())
    expect((await soon(reply)).status).toBe(500)
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'failed', error: expect.any(TypeError) }])
    expect(clock.pending).toBe(0)
  })

  test('whose body cannot be read is a failure, though it was thrown', async () => {
    const { options, clock, outcomes } = observed({ streamTotalMs: 50 })
    const response = new Response('used', { status: 404 })
    await response.text()
    for (const fail of [
      () => Promise.reject(response),
      () => {
        throw response
      },
    ]) {
      expect((await soon(guard(fail, options)(get()))).status).toBe(500)
    }
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'failed' }, { kind: 'failed' }])
  })

  test('whose source breaks is a failure while streaming', async () => {
    const { clock, outcomes, body, read, request } = await streamed({ streamTotalMs: 500 })
    const error = new Error('source broke')
    await clock.advance(20)
    body.fail(error)
    expect(await thrownBy(read)).toBe(error)
    await clock.advance(0)
    expect(outcomes).toEqual([{ kind: 'failed', phase: 'streaming', status: 201, elapsedMs: 20, error }])
    expect(request.signal.aborted).toBe(false)
    expect(clock.pending).toBe(0)
  })

  test('whose reader leaves is a disconnect while writing', async () => {
    const { clock, outcomes, body, reader, request } = await streamed({ streamTotalMs: 500 })
    await clock.advance(20)
    await reader.cancel('gone')
    await clock.advance(0)
    expect(outcomes).toEqual([{ kind: 'client-closed', phase: 'writing', status: 499, elapsedMs: 20 }])
    expect(body.cancelled).toEqual(['gone'])
    expect(request.signal.reason).toBeInstanceOf(ClientClosedError)
    expect(clock.pending).toBe(0)
  })

  test('whose client leaves, as its signal says, is a disconnect while writing', async () => {
    const { options, clock, outcomes } = observed({ streamTotalMs: 500 })
    const { request, close, listeners } = watchedRequest()
    const body = source()
    const response = await soon(guard(async () => new Response(body.stream), options)(request))
    await clock.advance(20)
    close()
    await response.body?.cancel()
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'client-closed', phase: 'writing', elapsedMs: 20 }])
    expect(clock.pending).toBe(0)
    expect(listeners()).toBe(0)
  })
})

describe.each([
  ['streamIdleMs', 'idle', { streamIdleMs: 50 }],
  ['streamTotalMs', 'total', { streamTotalMs: 50 }],
] as const)('when %s strikes', (_, limit, given) => {
  test('the stream breaks with a StreamTimeoutError instead of ending', async () => {
    const { clock, read } = await streamed(given)
    const error = read().catch((reason: unknown) => reason)
    await clock.advance(50)
    expect(await soon(error)).toBeInstanceOf(StreamTimeoutError)
    expect(await soon(error)).toMatchObject({
      name: 'TimeoutError',
      code: 'STREAM_TIMEOUT',
      limit,
      timeoutMs: 50,
    })
  })

  test('the source is cancelled and the signal aborted, with that error', async () => {
    const { clock, read, body, request } = await streamed(given)
    const { signal } = request
    const error = read().catch((reason: unknown) => reason)
    await clock.advance(50)
    expect(body.cancelled).toEqual([await soon(error)])
    expect(signal.reason).toBe(await soon(error))
  })

  test('it is recorded as a timeout while streaming, once', async () => {
    const { clock, read, reader, outcomes, guarded } = await streamed(given)
    read().catch(() => {})
    await clock.advance(50)
    await reader.cancel().catch(() => {})
    await clock.advance(1_000)
    expect(outcomes).toEqual([
      { kind: 'timed-out', phase: 'streaming', status: 201, elapsedMs: 50, timeoutMs: 50, lateMs: 0 },
    ])
    expect(guarded.stats.outcomes).toMatchObject({ completed: 0, 'timed-out': 1 })
    expect(clock.pending).toBe(0)
  })

  test('it is recorded once though a client tells of the delivery as well', async () => {
    for (const then of ['close', 'deliver', 'break'] as const) {
      const client = new FakeClient({ tellsDelivery: true })
      const { clock, read, outcomes } = await streamed(given, client)
      read().catch(() => {})
      await clock.advance(50)
      if (then === 'break') client.break(new Error('reset'))
      else client[then]()
      await clock.advance(0)
      expect(outcomes).toMatchObject([{ kind: 'timed-out', phase: 'streaming' }])
      expect([client.watchers, clock.pending]).toEqual([0, 0])
    }
  })
})

describe('streamIdleMs', () => {
  test('starts again with each chunk that the reader waits for', async () => {
    const { clock, read, body, outcomes } = await streamed({ streamIdleMs: 50 })
    for (const chunk of ['1', '2', '3', '4']) {
      const next = read()
      await clock.advance(49)
      body.write(chunk)
      expect(await soon(next)).toBe(chunk)
    }
    expect(outcomes).toEqual([])
    const last = read().catch((error: unknown) => error)
    await clock.advance(50)
    expect(await soon(last)).toBeInstanceOf(StreamTimeoutError)
    expect(outcomes).toMatchObject([{ kind: 'timed-out', elapsedMs: 4 * 49 + 50 }])
  })

  test('does not count while the reader is slow', async () => {
    const { clock, read, body, outcomes } = await streamed({ streamIdleMs: 50 })
    await clock.advance(1_000)
    body.write('1')
    body.write('2')
    expect(await read()).toBe('1')
    await clock.advance(1_000)
    expect(await read()).toBe('2')
    await clock.advance(1_000)
    body.end()
    expect(await read()).toBeUndefined()
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'completed' }])
  })

  test('does not strike at a chunk that waited while the loop was blocked, however often', async () => {
    const { clock, read, body, outcomes } = await streamed({ streamIdleMs: 50 })
    for (const chunk of ['1', '2', '3']) {
      const next = read().catch((error: unknown) => error)
      await clock.advance(0)
      clock.block(300)
      clock.setTimeout(() => body.write(chunk), 0)
      await clock.advance(0)
      expect(await soon(next)).toBe(chunk)
    }
    expect(outcomes).toEqual([])
  })
})

describe('streamTotalMs', () => {
  test('strikes at an active stream, too, and at one that nobody reads', async () => {
    const active = await streamed({ streamTotalMs: 100, streamIdleMs: 50 })
    for (let i = 0; i < 4; i++) {
      active.body.write('chunk')
      expect(await active.read()).toBe('chunk')
      await active.clock.advance(25)
    }
    expect(active.outcomes).toMatchObject([{ kind: 'timed-out', timeoutMs: 100, elapsedMs: 100 }])
    const unread = await streamed({ streamTotalMs: 100 })
    await unread.clock.advance(100)
    expect(unread.outcomes).toMatchObject([{ kind: 'timed-out', phase: 'streaming' }])
    expect(await thrownBy(unread.read)).toBeInstanceOf(StreamTimeoutError)
  })

  test('leaves no other timer when it strikes', async () => {
    const { clock, read, outcomes } = await streamed({ streamTotalMs: 100, streamIdleMs: 1_000 })
    read().catch(() => {})
    await clock.advance(100)
    expect(outcomes).toMatchObject([{ kind: 'timed-out', timeoutMs: 100 }])
    expect(clock.pending).toBe(0)
  })

  test('counts from the head', async () => {
    const { options, clock, outcomes } = observed({ streamTotalMs: 100 })
    const handler = async (): Promise<Response> => {
      await new Promise<void>((resolve) => void clock.setTimeout(resolve, 70))
      return new Response(source().stream)
    }
    void guard(handler, options)(get())
    await clock.advance(169)
    expect(outcomes).toEqual([])
    await clock.advance(1)
    expect(outcomes).toMatchObject([{ kind: 'timed-out', elapsedMs: 170 }])
  })

  test('says how late it was', async () => {
    const { clock, outcomes } = await streamed({ streamTotalMs: 100 })
    clock.block(300)
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'timed-out', phase: 'streaming', lateMs: 200 }])
  })

  test('can be moved by an inner guard, and by nothing else', async () => {
    const { options, clock, outcomes } = observed({ streamTotalMs: 100 })
    const inner = guard(async () => new Response(source().stream), { streamTotalMs: 30, clock })
    const request = get()
    await soon(guard((own: Request) => inner(own), options)(request))
    scopeOf(request).deadline.extend(1_000)
    await clock.advance(30)
    expect(outcomes).toMatchObject([{ kind: 'timed-out', phase: 'streaming', timeoutMs: 30 }])
  })
})

describe('a client that tells of the delivery', () => {
  const end: [string, (stream: Streamed, client: FakeClient) => void, object][] = [
    ['delivered', (_, client) => client.deliver(), { kind: 'completed', status: 201 }],
    ['closed', (_, client) => client.close(), { kind: 'client-closed', phase: 'writing' }],
    ['broken', (_, client) => client.break('oops'), { kind: 'failed', phase: 'streaming', error: 'oops' }],
  ]

  test.each(end)('has the last word on a stream that was read to its end: %s', async (_, act, outcome) => {
    const client = new FakeClient({ tellsDelivery: true })
    const stream = await streamed({ streamTotalMs: 500 }, client)
    stream.body.end()
    expect(await stream.read()).toBeUndefined()
    await stream.clock.advance(0)
    expect(stream.outcomes).toEqual([])
    act(stream, client)
    await stream.clock.advance(0)
    expect(stream.outcomes).toMatchObject([outcome])
    expect([client.watchers, stream.clock.pending]).toEqual([0, 0])
  })

  test('has the last word on a stream whose reader has left', async () => {
    const client = new FakeClient({ tellsDelivery: true })
    const { reader, clock, outcomes } = await streamed({ streamTotalMs: 500 }, client)
    await reader.cancel('gone')
    await clock.advance(0)
    expect(outcomes).toEqual([])
    client.close()
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'client-closed', phase: 'writing' }])
    expect(clock.pending).toBe(0)
  })

  test('hears of a source that breaks first from the stream, once', async () => {
    const client = new FakeClient({ tellsDelivery: true })
    const { body, read, clock, outcomes } = await streamed({ streamTotalMs: 500 }, client)
    const error = new Error('source broke')
    body.fail(error)
    expect(await thrownBy(read)).toBe(error)
    client.break(new Error('reset'))
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'failed', phase: 'streaming', error }])
  })
})

describe('after a response has been handed over', () => {
  test('the deadline has ended, and the stream may take any time', async () => {
    const { clock, outcomes, body, read } = await streamed({ timeoutMs: 20 })
    await clock.advance(10_000)
    body.write('slow')
    expect(await read()).toBe('slow')
    expect(outcomes).toMatchObject([{ kind: 'completed' }])
  })

  test('the signal goes on following the client, so that an upstream stops', async () => {
    const { options, clock } = observed()
    const { request, close } = watchedRequest()
    let stopped: unknown
    guard((own: Request) => {
      own.signal.addEventListener('abort', () => {
        stopped = own.signal.reason
      })
      return new Response(source().stream)
    }, options)(request)
    await clock.advance(60_000)
    close()
    expect(stopped).toBeInstanceOf(ClientClosedError)
  })
})
