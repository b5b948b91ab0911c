import type { IncomingMessage } from 'node:http'
import { Writable } from 'node:stream'
import { finished, pipeline } from 'node:stream/promises'
import { type Report, reporter } from '@curfew/core/report'
import { ManualClock } from '@curfew/core/testing'
import { describe, expect, onTestFinished, test } from 'vitest'
import { get, RawClient } from '../test/raw-client.ts'
import { call, deferred, never, start, startListener, watchOutput } from '../test/support.ts'
import { type FetchHandler, serve } from './index.ts'

/** A request that says it has 8 bytes, and `sent` of them. */
function upload(sent: string, path = '/'): string {
  return get(path, { method: 'POST', headers: ['Content-Length: 8'] }) + sent
}

const problem = '{"type":"about:blank","title":"Request Timeout","status":408,"code":"REQUEST_TIMEOUT"}'

/** Each reads the body of a request to its end, by one of the ways there are, and tells of every chunk. */
const readers: Record<string, (request: IncomingMessage, took: () => void) => Promise<unknown>> = {
  data: (request, took) => finished(request.on('data', took)),
  readable(request, took) {
    request.on('readable', () => {
      while (request.read() !== null) took()
    })
    return finished(request)
  },
  async iterator(request, took) {
    for await (const _ of request) took()
  },
  pipeline(request, took) {
    const sink = new Writable({
      write(_chunk, _encoding, done) {
        took()
        done()
      },
    })
    return pipeline(request, sink)
  },
}

describe.each(Object.keys(readers))(
  'a client whose body is not whole at the deadline, read by: %s',
  (reader) => {
    test.each(['half', ''])('is answered 408 when it has sent %j of it', async (sent) => {
      const output = watchOutput()
      const clock = new ManualClock()
      const waiting = deferred<void>()
      const { port, outcomes, late, stats } = await startListener(
        async (request, response) => {
          const whole = readers[reader]!(request, waiting.resolve)
          if (!sent) setImmediate(waiting.resolve)
          await whole
          response.end('whole')
        },
        { timeoutMs: 100, clock },
      )
      const client = await RawClient.sending(port, upload(sent))
      await waiting.promise
      await clock.advance(100)
      const response = await client.response()
      expect(response).toMatchObject({ status: 408, reason: 'Request Timeout', body: problem })
      expect(response.headers).toContainEqual(['connection', 'close'])
      // The rest of the body is not waited for.
      expect(await client.over).toBeUndefined()
      expect(await outcomes.first()).toMatchObject({
        kind: 'timed-out',
        phase: 'receiving',
        status: 408,
        timeoutMs: 100,
      })
      await late.first()
      expect(stats).toMatchObject({ active: 0, abandoned: 0 })
      expect(output).toEqual([])
    })
  },
)

describe('a handler that is slow itself is answered 503 while its client sends', () => {
  const handlers: Record<string, (request: IncomingMessage, ready: () => void) => unknown> = {
    'which it has not begun to read': (_request, ready) => ready(),
    'which it has stopped reading': (request, ready) =>
      request.once('data', () => {
        request.pause()
        ready()
      }),
    'which it reads no further than it has come': (request, ready) =>
      request.once('readable', () => {
        request.read(1)
        ready()
      }),
  }

  test.each(Object.entries(handlers))('a body %s', async (_, handler) => {
    const clock = new ManualClock()
    const ready = deferred<void>()
    const { port, outcomes } = await startListener(
      (request) => {
        handler(request, ready.resolve)
        return never()
      },
      { timeoutMs: 100, clock },
    )
    const client = await RawClient.sending(port, upload('half'))
    await ready.promise
    await clock.advance(100)
    expect(await client.response()).toMatchObject({ status: 503 })
    expect(await outcomes.first()).toMatchObject({ phase: 'handling', status: 503 })
  })

  test.each([
    ['text()', (request: Request) => request.text()],
    ['a reader', (request: Request) => new Response(request.body).text()],
  ])('which is whole, and was read by %s', async (_, read) => {
    const clock = new ManualClock()
    const ready = deferred<void>()
    const handler: FetchHandler = async (request) => {
      await read(request)
      ready.resolve()
      return never()
    }
    const { port, outcomes } = await start(handler, { timeoutMs: 100, clock })
    const client = await RawClient.sending(port, upload('all here'))
    await ready.promise
    await clock.advance(100)
    expect(await client.response()).toMatchObject({ status: 503 })
    expect(await outcomes.first()).toMatchObject({ phase: 'handling' })
  })
})

describe.each(['http', 'https', 'h2c', 'h2'] as const)('over %s', (protocol) => {
  test.each([
    ['text()', (request: Request) => request.text()],
    ['a reader', (request: Request) => new Response(request.body).text()],
  ])('a fetch handler that waits for %s is answered for with 408', async (_, read) => {
    const output = watchOutput()
    const clock = new ManualClock()
    const reading = deferred<void>()
    const handler: FetchHandler = (request) => {
      const text = read(request)
      setImmediate(reading.resolve)
      return text.then((body) => new Response(body))
    }
    const { port, outcomes, late } = await start(handler, { protocol, timeoutMs: 100, clock })
    const slow = call(protocol, port, { method: 'POST', headers: { 'content-length': '8' } })
    await reading.promise
    await clock.advance(100)
    expect(await slow.answer).toMatchObject({ status: 408, body: problem })
    expect(await outcomes.first()).toMatchObject({ phase: 'receiving', status: 408 })
    await late.first()
    expect(output).toEqual([])
  })
})

describe('what the user has said of timeouts', () => {
  async function answerTo(options: Parameters<typeof startListener>[1]) {
    const clock = new ManualClock()
    const reading = deferred<void>()
    const { port, outcomes } = await startListener(
      (request) => {
        request.resume()
        setImmediate(reading.resolve)
      },
      { timeoutMs: 100, clock, ...options },
    )
    const client = await RawClient.sending(port, upload(''))
    await reading.promise
    await clock.advance(100)
    const response = await client.response()
    return { ...response, outcome: await outcomes.first() }
  }

  test('a status is that of slow handlers', async () => {
    expect(await answerTo({ timeoutStatus: 504 })).toMatchObject({ status: 408, body: problem })
  })

  test('a response takes the place of the 408, and can tell who was slow', async () => {
    const { status, body, headers } = await answerTo({
      timeoutResponse: ({ phase, status: usual }) => ({ phase, usual }),
    })
    expect({ status, body }).toEqual({ status: 408, body: '{"phase":"receiving","usual":408}' })
    expect(headers).toContainEqual(['connection', 'close'])
  })

  test('a response of its own status keeps that', async () => {
    const teapot = new Response('tea', { status: 418 })
    const { status, outcome } = await answerTo({ timeoutResponse: teapot })
    expect([status, outcome.status]).toEqual([418, 418])
  })
})

test('slow clients are counted, and make no reports; slow handlers make theirs', async () => {
  const clock = new ManualClock()
  const reports: Report[] = []
  const reporting = reporter({
    on: ['failed', 'timed-out', 'abandoned', 'late'],
    hooks: [(report) => void reports.push(report)],
    bodyBytes: 100,
  })
  const waiting = deferred<void>()
  let seen = 0
  const { port, outcomes, late, stats } = await startListener(
    async (request) => {
      request.resume()
      setImmediate(() => ++seen === 4 && waiting.resolve())
      if (request.method === 'GET') return never()
      await finished(request)
    },
    { timeoutMs: 100, clock, reporter: reporting },
  )
  for (let i = 0; i < 3; i++) await RawClient.sending(port, upload('half'))
  await RawClient.sending(port, get('/slow'))
  await waiting.promise
  await clock.advance(100)
  await outcomes.reached(4)
  await late.reached(3)
  expect(await reporting.flush()).toBe(true)
  expect(stats.outcomes['timed-out']).toBe(4)
  expect(reports.map(({ kind, request }) => [kind, new URL(request.url).pathname])).toEqual([
    ['timed-out', '/slow'],
  ])
})

test('four hundred slow heads and bodies are got rid of, and whoever is in time is served meanwhile', async () => {
  const output = watchOutput()
  const server = serve({
    listener: async (request, response) => {
      let bytes = 0
      for await (const chunk of request) bytes += chunk.length
      response.end(String(bytes))
    },
    hostname: '127.0.0.1',
    port: 0,
    timeoutMs: 500,
    serverOptions: { headersTimeout: 500, requestTimeout: 2_000, connectionsCheckingInterval: 100 },
  })
  onTestFinished(() => void server.close({ graceMs: 0 }))
  const { port } = await server.listening
  const connections = () =>
    new Promise((resolve) => server.server.getConnections((_, count) => resolve(count)))

  const heads = Array.from({ length: 200 }, () =>
    RawClient.sending(port, 'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n'),
  )
  const bodies = Array.from({ length: 200 }, () => RawClient.sending(port, upload('half')))
  const slow = await Promise.all([...heads, ...bodies])
  const trickle = setInterval(() => {
    for (const [index, { socket }] of slow.entries()) {
      if (socket.writable) socket.write(index < 200 ? 'X-Slow: 1\r\n' : '')
    }
  }, 50)
  onTestFinished(() => clearInterval(trickle))

  let served = 0
  let isOver = false
  const ended = Promise.all(slow.map((client) => client.over)).then(() => {
    isOver = true
  })
  do {
    const polite = await RawClient.sending(port, upload('in time!'))
    expect(await polite.response()).toMatchObject({ status: 200, body: '8' })
    polite.close()
    await polite.over
    served++
  } while (!isOver)
  await ended

  expect(served).toBeGreaterThan(0)
  expect(new Set(slow.map(({ received }) => received.slice(0, 12)))).toEqual(new Set(['HTTP/1.1 408']))
  await expect.poll(connections).toBe(0)
  expect(output).toEqual([])
})
