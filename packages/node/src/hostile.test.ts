import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { finished } from 'node:stream/promises'
import { gzipSync } from 'node:zlib'
import { ClientClosedError, guard, type LateSettlement, type Outcome } from '@curfew/core'
import { ManualClock } from '@curfew/core/testing'
import type { HttpBindings } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { describe, expect, onTestFinished, test } from 'vitest'
import { get, RawClient } from '../test/raw-client.ts'
import {
  aborted,
  call,
  deferred,
  fetched,
  Journal,
  never,
  soon,
  source,
  start,
  startUnguarded,
  watchOutput,
} from '../test/support.ts'

/** A body that is no text or bytes: a stream that has all of it. */
function streamed(text: string): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new Blob([text]).stream()
}

const failedReply =
  '{"type":"about:blank","title":"Internal Server Error","status":500,"code":"HANDLER_FAILED"}'

describe('a head that Node refuses', () => {
  const heads: [name: string, headers: Record<string, string>][] = [
    ['a control character', { 'x-filename': '\x7f', 'content-length': '4' }],
    ['a control character below space', { 'x-filename': 'a\x01secret', 'content-length': '4' }],
    ['a trailer', { trailer: 'x', 'content-length': '4' }],
    ['a length that is no number', { 'content-length': 'abc' }],
  ]

  test.each(heads)(
    'over a stream, for %s, is a clean 500, and the next request is served',
    async (_, headers) => {
      const output = watchOutput()
      const { port, outcomes } = await start(async ({ url }) =>
        url.endsWith('/next') ? new Response('next') : new Response(streamed('four'), { headers }),
      )
      const client = await RawClient.sending(port, get('/broken') + get('/next'))
      const [broken, next] = await soon(client.responses(2))
      expect(broken).toMatchObject({ status: 500, reason: 'Internal Server Error', body: failedReply })
      expect(broken!.headers).toContainEqual(['content-type', 'application/problem+json'])
      expect(next).toMatchObject({ status: 200, body: 'next' })
      expect(client.received).not.toContain('secret')
      expect((await outcomes.reached(2)).map(({ kind, status }) => [kind, status])).toEqual([
        ['failed', 500],
        ['completed', 200],
      ])
      expect(output).toEqual([])
    },
  )

  const made: [name: string, make: (value: string) => Response][] = [
    ['a plain object', (value) => new Response('body', { headers: { 'x-name': value } })],
    ['Headers', (value) => new Response('body', { headers: new Headers({ 'x-name': value }) })],
    [
      'headers set later',
      (value) => {
        const response = new Response('body')
        response.headers.set('x-name', value)
        return response
      },
    ],
  ]

  describe.each(made)('over text, from %s', (_, make) => {
    test.each([
      ['at once', false],
      ['later', true],
    ])('of a handler that answers %s is a 500 without the message', async (_, later) => {
      const output = watchOutput()
      const { port, outcomes } = await start(() =>
        later ? Promise.resolve(make('a\x01secret')) : make('a\x01secret'),
      )
      const { status, body, headers } = await soon(fetched('http', port))
      expect({ status, body }).toEqual({ status: 500, body: failedReply })
      expect(headers).not.toHaveProperty('x-name')
      expect(await outcomes.first()).toMatchObject({ kind: 'failed', status: 500 })
      expect(output).toEqual([])
    })
  })
})

describe('a length that lies', () => {
  const lies: [name: string, headers: Record<string, string>][] = [
    ['too short', { 'content-length': '2' }],
    ['too long', { 'content-length': '50' }],
    ['no number', { 'content-length': 'abc' }],
    ['chunked', { 'transfer-encoding': 'chunked' }],
    ['too short, and chunked', { 'content-length': '2', 'transfer-encoding': 'chunked' }],
  ]

  test.each(lies)('of a text (%s) leaves the next response of a pipeline alone', async (_, headers) => {
    const { port } = await start(async ({ url }) =>
      url.endsWith('/next') ? new Response('next') : new Response('hello', { headers }),
    )
    const client = await RawClient.sending(port, get('/lie') + get('/next'))
    const responses = await soon(client.responses(2))
    expect(responses).toMatchObject([
      { status: 200, body: 'hello' },
      { status: 200, body: 'next' },
    ])
    expect(framing(responses[0]!.headers)).toEqual([['content-length', '5']])
  })

  test.each([
    ['shorter than', '50', 'hello'],
    ['longer than', '2', ''],
  ])('of a stream that is %s it is never followed by another response', async (_, length, sent) => {
    const { port, outcomes } = await start(async ({ url }) =>
      url.endsWith('/next')
        ? new Response('next')
        : new Response(streamed('hello'), { headers: { 'content-length': length } }),
    )
    const client = await RawClient.sending(port, get('/lie') + get('/next'))
    const [response, ...others] = await soon(client.rest())
    expect(response).toMatchObject({ status: 200, complete: false })
    expect(sent.startsWith(response!.body)).toBe(true)
    expect(others).toEqual([])
    expect(client.received.match(/HTTP\/1/g)).toHaveLength(1)
    expect(await outcomes.first()).toMatchObject({ kind: 'failed', phase: 'streaming' })
  })

  test('beside a transfer-encoding is the only one that a stream is sent with', async () => {
    const headers = { 'content-length': '5', 'transfer-encoding': 'chunked' }
    const { port } = await start(async () => new Response(streamed('hello'), { headers }))
    const client = await RawClient.sending(port, get('/') + get('/'))
    for (const { body, headers } of await soon(client.responses(2))) {
      expect(body).toBe('hello')
      expect(framing(headers)).toEqual([['content-length', '5']])
    }
  })

  test('of an unpacked upstream body is not the one it is buffered under', async () => {
    const text = 'x'.repeat(5_000)
    const packed = gzipSync(text)
    const upstream = createServer((_, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': packed.length }).end(packed)
    })
    await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => {
      upstream.close()
      upstream.closeAllConnections()
    })
    const address = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}/`
    const { port } = await start(
      async ({ url }) => (url.endsWith('/next') ? new Response('next') : fetch(address)),
      { buffer: true },
    )
    const client = await RawClient.sending(port, get('/proxy') + get('/next'))
    const responses = await soon(client.responses(2))
    expect(responses).toMatchObject([
      { status: 200, body: text },
      { status: 200, body: 'next' },
    ])
    expect(framing(responses[0]!.headers)).toEqual([['content-length', '5000']])
  })

  function framing(headers: [name: string, value: string][]) {
    return headers.filter(([name]) => name === 'content-length' || name === 'transfer-encoding')
  }
})

describe('a client that', () => {
  test('resets the stream of a HEAD over HTTP/2 is recorded, and aborts the signal', async () => {
    const started = deferred<void>()
    const reason = deferred<unknown>()
    const { port, outcomes } = await start(
      ({ signal }) => {
        reason.resolve(aborted(signal))
        started.resolve()
        return never()
      },
      { protocol: 'h2c' },
    )
    const head = call('h2c', port, { method: 'HEAD' })
    await started.promise
    head.leave()
    expect(await soon(reason.promise)).toBeInstanceOf(ClientClosedError)
    expect(await soon(outcomes.first())).toMatchObject({ kind: 'client-closed', phase: 'handling' })
  })

  test('is too slow with an upload is not waited for, and that ends the reading of it', async () => {
    const clock = new ManualClock()
    const late = new Journal<LateSettlement>()
    const started = deferred<void>()
    const guarded = guard(
      async (request) => {
        started.resolve()
        return new Response(String((await request.arrayBuffer()).byteLength))
      },
      { clock, timeoutMs: 50, onLateSettlement: (settlement) => late.add(settlement) },
    )
    const { port } = await startUnguarded(guarded)
    const client = await RawClient.sending(
      port,
      `${get('/', { method: 'POST', headers: ['Content-Length: 100'] })}half`,
    )
    await started.promise
    await clock.advance(50)
    expect(await soon(client.response())).toMatchObject({ status: 408 })
    await soon(client.over)
    expect(await soon(late.first())).toMatchObject({ outcome: { kind: 'timed-out', phase: 'receiving' } })
    expect(guarded.stats.abandoned).toBe(0)
  })

  test('has stopped reading is cut off by streamTotalMs', async () => {
    const clock = new ManualClock()
    const body = source()
    const { server, port, outcomes } = await start(async () => new Response(body.stream), {
      clock,
      streamTotalMs: 1_000,
    })
    const over = deferred<void>()
    server.server.on('connection', (socket: Socket) => void socket.once('close', () => over.resolve()))
    const client = await RawClient.sending(port, get())
    // More than what lies between them can hold.
    body.write('x'.repeat(64 * 1024 * 1024))
    await soon(client.bytes(1))
    client.socket.pause()
    await clock.advance(1_000)
    expect(await soon(outcomes.first())).toMatchObject({ kind: 'timed-out', phase: 'streaming' })
    await soon(body.cancelled)
    // It does not take a client that reads on.
    await soon(over.promise)
    client.socket.resume()
    expect(await soon(client.rest())).toMatchObject([{ status: 200, complete: false }])
  })
})

describe('a handler that writes by hand', () => {
  test.each([
    ['of a length', { 'content-length': '100' }],
    ['in chunks', {}],
  ])('%s, and times out, has its response cut off without a word in it', async (_, headers) => {
    const output = watchOutput()
    const clock = new ManualClock()
    const { port, outcomes } = await start(
      (_, { outgoing }: HttpBindings) => {
        outgoing.writeHead(200, headers)
        outgoing.write('half')
        return never()
      },
      { clock, timeoutMs: 50 },
    )
    const client = await RawClient.sending(port, get())
    await soon(client.saw('half'))
    const before = client.received
    await clock.advance(50)
    expect(await soon(client.over)).toBe('ECONNRESET')
    expect(client.received).toMatch(/half(\r\n)?$/)
    expect(client.received.startsWith(before)).toBe(true)
    expect(client.received).not.toMatch(/Error|HANDLER|\r\n0\r\n/)
    expect(await outcomes.first()).toMatchObject({ kind: 'timed-out' })
    expect(outcomes.all).toHaveLength(1)
    expect(output).toEqual([])
  })

  test('and returns nothing keeps its body and its connection', async () => {
    const output = watchOutput()
    const { port, outcomes } = await start(async (_, { outgoing }: HttpBindings) => {
      outgoing.end('whole')
    })
    const client = await RawClient.sending(port, get() + get())
    expect(await soon(client.responses(2))).toMatchObject([
      { status: 200, body: 'whole' },
      { status: 200, body: 'whole' },
    ])
    expect(await soon(outcomes.reached(2))).toHaveLength(2)
    expect(output).toEqual([])
  })

  test('and says so once that is written is recorded once, as completed', async () => {
    const { server, port, outcomes } = await start(async (_, { outgoing }: HttpBindings) => {
      outgoing.end('by hand')
      await finished(outgoing)
      return RESPONSE_ALREADY_SENT
    })
    for (let i = 0; i < 2; i++) {
      expect(await soon(fetched('http', port))).toMatchObject({ status: 200, body: 'by hand' })
    }
    await soon(outcomes.reached(2))
    await server.close({ graceMs: 0 })
    expect(outcomes.all.map(({ kind }) => kind)).toEqual(['completed', 'completed'])
  })
})

test('two guards one after the other on one request are both recorded', async () => {
  const first = new Journal<Outcome>()
  const second = new Journal<Outcome>()
  const missing = guard(async () => new Response('none', { status: 404 }), {
    onOutcome: (outcome) => first.add(outcome),
  })
  const found = guard(async () => new Response('found'), { onOutcome: (outcome) => second.add(outcome) })
  const { server, port } = await startUnguarded(async (request) => {
    const response = await missing(request)
    return response.status === 404 ? found(request) : response
  })
  expect(await soon(fetched('http', port))).toMatchObject({ status: 200, body: 'found' })
  expect(await soon(first.first())).toMatchObject({ kind: 'completed' })
  expect(await soon(second.first())).toMatchObject({ kind: 'completed', status: 200 })
  await server.close({ graceMs: 0 })
  expect([first.all.length, second.all.length]).toEqual([1, 1])
  expect([missing.stats.active, found.stats.active]).toEqual([0, 0])
})

test.each([
  ['a text', () => 'body'],
  ['a stream', () => streamed('body')],
])('%s with a header of node-server is delivered', async (_, body) => {
  const { port, outcomes } = await start(
    async () => new Response(body(), { headers: { 'x-hono-already-sent': 'true' } }),
  )
  expect(await soon(fetched('http', port))).toMatchObject({ status: 200, body: 'body' })
  expect(await soon(outcomes.first())).toMatchObject({ kind: 'completed', status: 200 })
})
