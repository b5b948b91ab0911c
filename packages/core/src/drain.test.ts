import { describe, expect, test } from 'vitest'
import { deferred, FakeClient, get, observed, soon, source, spiedResponse } from '../test/support.ts'
import { attachClient } from './client.ts'
import { type GuardOptions, guard, ResponseTooLargeError, scopeOf, streaming } from './index.ts'

/** A guard that buffers, around what the handler answers. */
function buffered(answer: Response | Promise<Response>, given: GuardOptions = {}) {
  const { options, ...rest } = observed({ buffer: true, timeoutMs: 100, ...given })
  const client = new FakeClient()
  const request = get()
  attachClient(request, client)
  const guarded = guard(() => answer, options)
  return { ...rest, client, request, guarded, reply: guarded(request) }
}

describe('buffer: true', () => {
  test.each<[string, () => BodyInit]>([
    ['text', () => 'hello'],
    ['bytes', () => new TextEncoder().encode('hello')],
    ['a Blob', () => new Blob(['hello'])],
    [
      'a stream',
      () => {
        const body = source()
        body.write('he')
        body.write('llo')
        body.end()
        return body.stream
      },
    ],
  ])('keeps status, headers and body of %s', async (_, make) => {
    const init = {
      status: 201,
      statusText: 'Made',
      headers: [
        ['set-cookie', 'a=1'],
        ['set-cookie', 'b=2'],
      ],
    }
    for (const given of [
      new Response(make(), init as ResponseInit),
      Promise.resolve(new Response(make(), init as ResponseInit)),
    ]) {
      const { reply, outcomes, clock } = buffered(given)
      const response = await soon(reply)
      expect([response.status, response.statusText]).toEqual([201, 'Made'])
      expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2'])
      expect(await response.text()).toBe('hello')
      await clock.advance(0)
      expect(outcomes).toMatchObject([{ kind: 'completed', status: 201 }])
      expect(clock.pending).toBe(0)
    }
  })

  test('sends nothing before the last byte is there', async () => {
    const body = source()
    const { reply, clock, outcomes } = buffered(new Response(body.stream))
    let sent = false
    void Promise.resolve(reply).then(() => {
      sent = true
    })
    body.write('half')
    await clock.advance(50)
    expect([sent, outcomes]).toEqual([false, []])
    body.end()
    await clock.advance(0)
    expect(sent).toBe(true)
    expect(await (await soon(reply)).text()).toBe('half')
    expect(outcomes).toMatchObject([{ kind: 'completed', elapsedMs: 50 }])
  })

  test('an error half-way is a clean 500', async () => {
    const body = source()
    const error = new Error('render failed')
    const { reply, clock, outcomes, late } = buffered(
      new Response(body.stream, { headers: { 'x-half': '1' } }),
    )
    body.write('<html>')
    await clock.advance(10)
    body.fail(error)
    const response = await soon(reply)
    expect(response.status).toBe(500)
    expect(response.headers.has('x-half')).toBe(false)
    expect(await response.json()).toMatchObject({ code: 'HANDLER_FAILED' })
    await clock.advance(0)
    expect(outcomes).toEqual([{ kind: 'failed', phase: 'handling', status: 500, elapsedMs: 10, error }])
    expect(late).toEqual([])
    expect(clock.pending).toBe(0)
  })

  test('the deadline half-way is a clean 503, and the source is cancelled with the reason', async () => {
    const body = source()
    const { reply, clock, outcomes, late, request, guarded } = buffered(new Response(body.stream))
    body.write('<html>')
    await clock.advance(100)
    const response = await soon(reply)
    expect(response.status).toBe(503)
    expect(await response.json()).toMatchObject({ code: 'HANDLER_TIMEOUT' })
    expect(body.cancelled).toEqual([request.signal.reason])
    expect(outcomes).toMatchObject([{ kind: 'timed-out', phase: 'handling', elapsedMs: 100 }])
    expect(late).toMatchObject([{ kind: 'cancelled' }])
    expect(guarded.stats).toMatchObject({ active: 0, abandoned: 0 })
    expect(clock.pending).toBe(0)
  })

  test('the deadline can be moved while the body is drained', async () => {
    const body = source()
    const { reply, clock, request } = buffered(new Response(body.stream))
    await clock.advance(90)
    scopeOf(request).deadline.extend(100)
    await clock.advance(90)
    body.end()
    expect((await soon(reply)).status).toBe(200)
  })

  test('a client that leaves half-way is a disconnect, and the source is cancelled', async () => {
    const body = source()
    const { reply, clock, outcomes, late, client, request } = buffered(new Response(body.stream))
    await clock.advance(20)
    client.close()
    const response = await soon(reply)
    expect([response.status, response.body]).toEqual([499, null])
    await clock.advance(0)
    expect(body.cancelled).toEqual([request.signal.reason])
    expect(request.signal.reason).toMatchObject({ code: 'CLIENT_CLOSED' })
    expect(outcomes).toMatchObject([{ kind: 'client-closed', phase: 'handling', elapsedMs: 20 }])
    expect(late).toMatchObject([{ kind: 'cancelled' }])
    expect([client.watchers, clock.pending]).toEqual([0, 0])
  })

  test('a client that leaves in the very tick of the last byte still has one ending', async () => {
    const body = source()
    const { reply, clock, outcomes, late, client, guarded } = buffered(new Response(body.stream))
    await clock.advance(5)
    body.end()
    client.close()
    expect((await soon(reply)).status).toBe(499)
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'client-closed' }])
    expect(late).toMatchObject([{ kind: 'cancelled' }])
    expect(guarded.stats).toMatchObject({ active: 0, abandoned: 0 })
  })

  test('a handler that is late altogether has its body cancelled, not drained', async () => {
    const body = source()
    const work = deferred<Response>()
    const { clock, late } = buffered(work.promise)
    await clock.advance(100)
    work.resolve(new Response(body.stream))
    await clock.advance(0)
    expect(body.cancelled).toHaveLength(1)
    expect(late).toMatchObject([{ kind: 'completed' }])
  })

  test('a body that is locked is a 500', async () => {
    const response = new Response(source().stream)
    response.body?.getReader()
    const { reply, outcomes, clock } = buffered(response)
    expect((await soon(reply)).status).toBe(500)
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'failed', error: expect.any(TypeError) }])
  })

  test('a body that is no bytes is a 500 that says so', async () => {
    const stream = new ReadableStream({
      start(controller) {
        controller.enqueue('text')
        controller.close()
      },
    })
    const { reply, outcomes, clock } = buffered(new Response(stream))
    expect((await soon(reply)).status).toBe(500)
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'failed', error: expect.any(TypeError) }])
  })

  test('what is written into the response buffer is sent', async () => {
    const { options } = observed({ buffer: true })
    const reply = guard((request: Request) => {
      scopeOf(request).response.text('written')
    }, options)(get())
    expect(await (await soon(reply)).text()).toBe('written')
  })
})

describe('buffer: true leaves alone', () => {
  test.each<[string, () => Response]>([
    ['what is marked', () => streaming(new Response(source().stream))],
    [
      'an event stream',
      () => new Response(source().stream, { headers: { 'content-type': 'text/event-stream' } }),
    ],
    ['a response without a body', () => new Response(null, { status: 204 })],
    ['a 304', () => new Response(null, { status: 304, headers: { etag: '"1"' } })],
  ])('%s, as the same object', async (_, make) => {
    for (const later of [false, true]) {
      const response = make()
      const { reply, outcomes, clock } = buffered(later ? Promise.resolve(response) : response)
      expect(await soon(reply)).toBe(response)
      await clock.advance(1_000)
      expect(outcomes).toMatchObject([{ kind: 'completed' }])
    }
  })

  test('a 101, without a look at its body', async () => {
    const { response, seen } = spiedResponse()
    Object.defineProperty(response, 'status', { value: 101 })
    const { reply, outcomes, clock } = buffered(response)
    expect(await soon(reply)).toBe(response)
    expect(seen.reads).toBe(0)
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'completed', status: 101 }])
  })
})

describe('maxBytes', () => {
  function sized(chunks: string[], given: GuardOptions) {
    const body = source()
    for (const chunk of chunks) body.write(chunk)
    return { body, ...buffered(new Response(body.stream, { status: 201 }), given) }
  }

  test('lets through exactly as many', async () => {
    const { body, reply } = sized(['12', '345'], { maxBytes: 5 })
    body.end()
    expect(await (await soon(reply)).text()).toBe('12345')
  })

  test('is a 500 past it, and the source is cancelled', async () => {
    const { body, reply, outcomes, clock } = sized(['12', '345', '6'], { maxBytes: 5 })
    expect((await soon(reply)).status).toBe(500)
    await clock.advance(0)
    expect(outcomes).toMatchObject([
      { kind: 'failed', status: 500, error: { code: 'RESPONSE_TOO_LARGE', maxBytes: 5 } },
    ])
    expect(body.cancelled).toEqual([expect.any(ResponseTooLargeError)])
  })

  test('is 1 MiB unless the guard is told otherwise', async () => {
    const exact = sized(['x'.repeat(1024 * 1024)], {})
    exact.body.end()
    expect((await soon(exact.reply)).status).toBe(201)
    const more = sized(['x'.repeat(1024 * 1024), 'x'], {})
    expect((await soon(more.reply)).status).toBe(500)
  })
})

describe("overflow: 'stream'", () => {
  function overflowing(given: GuardOptions = {}) {
    const body = source()
    body.write('12')
    body.write('345')
    return {
      body,
      ...buffered(new Response(body.stream, { status: 201 }), { maxBytes: 4, overflow: 'stream', ...given }),
    }
  }

  test('sends what was read, and then the rest as it comes', async () => {
    const { body, reply, clock, outcomes } = overflowing()
    const response = await soon(reply)
    expect(response.status).toBe(201)
    await clock.advance(1_000)
    expect(outcomes).toMatchObject([{ kind: 'completed', elapsedMs: 0 }])
    body.write('6')
    body.end()
    expect(await response.text()).toBe('123456')
    expect(clock.pending).toBe(0)
  })

  test('breaks the stream when its source breaks', async () => {
    const { body, reply } = overflowing()
    const response = await soon(reply)
    const error = new Error('half-way')
    body.fail(error)
    await expect(response.text()).rejects.toBe(error)
  })

  test('cancels the source when the reader leaves', async () => {
    const { body, reply } = overflowing()
    const response = await soon(reply)
    await response.body?.cancel('gone')
    expect(body.cancelled).toEqual(['gone'])
  })

  test('holds the stream to its limits', async () => {
    const { body, reply, clock, outcomes } = overflowing({ streamTotalMs: 50 })
    const text = (await soon(reply)).text().catch((error: unknown) => error)
    await clock.advance(50)
    expect(await soon(text)).toMatchObject({ code: 'STREAM_TIMEOUT', limit: 'total' })
    expect(body.cancelled).toHaveLength(1)
    expect(outcomes).toMatchObject([{ kind: 'timed-out', phase: 'streaming' }])
  })

  test('sends a response within maxBytes whole', async () => {
    const body = source()
    const { reply } = buffered(new Response(body.stream), { maxBytes: 4, overflow: 'stream' })
    body.write('1234')
    body.end()
    expect(await (await soon(reply)).text()).toBe('1234')
  })
})
