import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setImmediate as turn } from 'node:timers/promises'
import { ClientClosedError, HandlerTimeoutError, type Outcome } from '@curfew/core'
import { type Report, reporter } from '@curfew/core/report'
import { ManualClock } from '@curfew/core/testing'
import { describe, expect, test } from 'vitest'
import { get, RawClient } from '../test/raw-client.ts'
import {
  aborted,
  call,
  deferred,
  fetched,
  Journal,
  keptAlive,
  listening,
  never,
  type Protocol,
  protocols,
  soon,
  startListener,
  watchOutput,
} from '../test/support.ts'
import { guardListener } from './guard-listener.ts'
import { scopeOf } from './scope-of.ts'

type Handler = (request: IncomingMessage, response: ServerResponse) => unknown

/** The same request to the same handler, bare and guarded. */
async function bareAndGuarded(
  handler: Handler,
  protocol: Protocol,
  options: Parameters<typeof fetched>[2] = {},
) {
  const bare = await fetched(
    protocol,
    await listening((req, res) => void handler(req, res), protocol),
    options,
  )
  const { port, outcomes } = await startListener(handler, { protocol })
  const guarded = await fetched(protocol, port, options)
  delete bare.headers.date
  delete guarded.headers.date
  return { bare, guarded, outcome: await outcomes.first() }
}

const problem = { type: 'about:blank', title: 'Service Unavailable', status: 503, code: 'HANDLER_TIMEOUT' }

describe.each(protocols)('over %s, what a handler writes', (protocol) => {
  const cases: [name: string, handler: Handler, options?: Parameters<typeof fetched>[2]][] = [
    ['a body in one piece', (_, res) => res.end('hello')],
    ['nothing but an end', (_, res) => res.end()],
    [
      'a status and headers',
      (_, res) => {
        res.statusCode = 201
        res.setHeader('x-one', '1')
        res.setHeader('set-cookie', ['a=1', 'b=2'])
        res.end('made')
      },
    ],
    ['a head of its own', (_, res) => res.writeHead(404, { 'content-type': 'text/plain' }).end('none')],
    [
      'a head over headers that were set',
      (_, res) => {
        res.setHeader('x-one', '1')
        res.writeHead(200, { 'x-one': '2', 'content-length': '2' })
        res.end('ok')
      },
    ],
    [
      'pieces',
      async (_, res) => {
        res.write('one ')
        await new Promise(setImmediate)
        res.write(Buffer.from('two '))
        await new Promise(setImmediate)
        res.end('three')
      },
    ],
    [
      'pieces in several encodings',
      (_, res) => {
        res.write('c3bc', 'hex')
        res.write('w7w=', 'base64')
        res.end('ü', 'latin1')
      },
    ],
    [
      'a body of an announced length',
      (_, res) => {
        res.setHeader('content-length', '5')
        res.write('he')
        res.end('llo')
      },
    ],
    ['204', (_, res) => res.writeHead(204).end()],
    ['304', (_, res) => res.writeHead(304, { etag: '"1"' }).end()],
    [
      'an answer to HEAD',
      (_, res) => {
        res.setHeader('content-length', '10')
        res.end('0123456789')
      },
      { method: 'HEAD' },
    ],
    [
      'an echo of the request',
      async (req, res) => {
        res.write('you said ')
        for await (const chunk of req) res.write(chunk)
        res.end()
      },
      { method: 'POST', body: 'hello' },
    ],
    ['a stream that is piped into it', (_, res) => Readable.from(['a', 'b', 'c']).pipe(res)],
    [
      'a stream that is larger than what is held',
      (_, res) =>
        pipeline(Readable.from(Array.from({ length: 64 }, () => Buffer.alloc(64 * 1024, 'x'))), res),
    ],
    [
      'a status message',
      (_, res) => {
        if (protocol === 'http' || protocol === 'https') res.statusMessage = 'Fine'
        res.end('ok')
      },
    ],
    [
      'an end that waits for itself',
      async (_, res) => {
        await new Promise<void>((resolve) => void res.end('over', resolve))
      },
    ],
  ]

  test.each(cases)('%s: arrives as it would without a guard', async (_, handler, options) => {
    const { bare, guarded, outcome } = await bareAndGuarded(handler, protocol, options)
    expect(guarded).toEqual(bare)
    expect(outcome).toMatchObject({ kind: 'completed', status: bare.status })
  })

  test('a write whose callback is waited for does not wait for the end', async () => {
    const { port } = await startListener(
      async (_, res) => {
        await new Promise((resolve) => res.write('one ', resolve))
        await new Promise((resolve) => res.write('two', 'utf8', resolve))
        res.end()
      },
      { protocol },
    )
    expect(await soon(fetched(protocol, port))).toMatchObject({ status: 200, body: 'one two' })
  })

  test('tells its listeners in the order that Node has', async () => {
    const events = new Journal<string>()
    const { port } = await startListener(
      (_, res) => {
        for (const event of ['prefinish', 'finish', 'close']) res.on(event, () => events.add(event))
        res.end('x')
      },
      { protocol },
    )
    await fetched(protocol, port)
    await soon(events.reached(protocol.startsWith('h2') ? 2 : 3))
    expect(events.all).toEqual(
      protocol.startsWith('h2') ? ['finish', 'close'] : ['prefinish', 'finish', 'close'],
    )
  })

  test('trailers come after it', async () => {
    const { port } = await startListener(
      (_, res) => {
        res.setHeader('trailer', 'x-sum')
        res.write('body')
        res.addTrailers({ 'x-sum': '42' })
        res.end()
      },
      { protocol },
    )
    if (protocol !== 'http') return void expect((await fetched(protocol, port)).body).toBe('body')
    const client = await RawClient.sending(port, get())
    await client.saw('x-sum: 42\r\n\r\n')
  })
})

describe.each(protocols)('over %s, a handler that is too late', (protocol) => {
  test('leaves nothing of what it wrote, nor of its headers, in the timeout reply', async () => {
    const { port, outcomes, stats } = await startListener(
      async (_, res) => {
        res.statusCode = 201
        res.setHeader('x-secret', '1')
        res.write('half a page')
        await never()
      },
      { protocol, timeoutMs: 20 },
    )
    const { status, headers, body } = await fetched(protocol, port)
    expect(status).toBe(503)
    expect(JSON.parse(body)).toEqual(problem)
    expect(headers).not.toHaveProperty('x-secret')
    expect(headers['content-type']).toBe('application/problem+json')
    expect(await outcomes.first()).toMatchObject({ kind: 'timed-out', phase: 'handling', status: 503 })
    expect(stats.abandoned).toBe(1)
  })

  test('may do with its response what it likes: nothing throws, nothing is sent, all of it is counted', async () => {
    const output = watchOutput()
    const done = deferred<void>()
    const refused = new Journal<unknown>()
    const { port, late, stats } = await startListener(
      async (req, res) => {
        await aborted(scopeOf(req).signal)
        await once(res, 'finish')
        expect(res.setHeader('x-late', '1')).toBe(res)
        expect(res.appendHeader('x-late', '2')).toBe(res)
        expect(res.removeHeader('x-late')).toBeUndefined()
        expect(res.writeHead(200, { 'x-late': '3' })).toBe(res)
        res.flushHeaders()
        res.addTrailers({ 'x-late': '4' })
        res.writeContinue()
        res.writeEarlyHints({ link: '</a.css>; rel=preload' })
        expect(res.write('late', (error) => refused.add(error))).toBe(false)
        expect(res.end('late', 'utf8', () => refused.add('end'))).toBe(res)
        res.end()
        res.destroy()
        done.resolve()
      },
      { protocol, timeoutMs: 20 },
    )
    const agent = keptAlive(protocol)
    expect((await fetched(protocol, port, { agent })).status).toBe(503)
    await soon(done.promise)
    expect(await late.first()).toMatchObject({ kind: 'completed', outcome: { kind: 'timed-out' } })
    expect(await soon(refused.reached(2))).toEqual([
      expect.objectContaining({ code: 'ERR_STREAM_DESTROYED' }),
      'end',
    ])
    expect(stats).toMatchObject({ active: 0, abandoned: 0, lateWrites: 11 })
    expect(output).toEqual([])
  })

  test('hears at once that its response is closed, and a stream that is piped into it is destroyed', async () => {
    const stopped = deferred<unknown>()
    const { port } = await startListener(
      async (_, res) => {
        const source = new Readable({ read() {} })
        source.push('a piece')
        await pipeline(source, res).catch((error) => stopped.resolve({ error, destroyed: source.destroyed }))
      },
      { protocol, timeoutMs: 20 },
    )
    expect((await fetched(protocol, port)).status).toBe(503)
    expect(await soon(stopped.promise)).toMatchObject({
      error: { code: 'ERR_STREAM_PREMATURE_CLOSE' },
      destroyed: true,
    })
  })

  test('finds its signal aborted, with a typed error, and its response still closed to it', async () => {
    const written = deferred<boolean>()
    const reason = deferred<unknown>()
    const { port, stats } = await startListener(
      async (req, res) => {
        scopeOf(req).signal.addEventListener('abort', () => {
          reason.resolve(scopeOf(req).signal.reason)
          res.statusCode = 418
          res.end('a reply of its own')
          written.resolve(true)
        })
        await never()
      },
      { protocol, timeoutMs: 20 },
    )
    const { status, body } = await fetched(protocol, port)
    expect(status).toBe(503)
    expect(JSON.parse(body)).toEqual(problem)
    await written.promise
    expect(await reason.promise).toBeInstanceOf(HandlerTimeoutError)
    expect(stats.lateWrites).toBe(1)
  })

  test('and comes back by a callback is settled by its end', async () => {
    const ended = deferred<void>()
    const { port, late, stats } = await startListener(
      (req, res) => {
        scopeOf(req).signal.addEventListener('abort', () =>
          setImmediate(() => {
            res.end('late')
            ended.resolve()
          }),
        )
      },
      { protocol, timeoutMs: 20 },
    )
    expect((await fetched(protocol, port)).status).toBe(503)
    await ended.promise
    expect(await soon(late.first())).toMatchObject({ kind: 'completed' })
    expect(stats).toMatchObject({ abandoned: 0, late: { completed: 1 } })
  })

  test('and throws is recorded once, with what it threw', async () => {
    const output = watchOutput()
    const { port, outcomes, late } = await startListener(
      async (req) => {
        await aborted(scopeOf(req).signal)
        throw new Error('too late')
      },
      { protocol, timeoutMs: 20 },
    )
    expect((await fetched(protocol, port)).status).toBe(503)
    expect(await soon(late.first())).toMatchObject({ kind: 'failed', error: { message: 'too late' } })
    expect(outcomes.all).toHaveLength(1)
    expect(output).toEqual([])
  })
})

describe.each(protocols)('over %s, a handler that fails', (protocol) => {
  test.each<[string, Handler]>([
    [
      'by throwing',
      () => {
        throw new Error('secret')
      },
    ],
    [
      'by rejecting',
      async () => {
        throw new Error('secret')
      },
    ],
    [
      'half-way through its page',
      async (_, res) => {
        res.setHeader('x-half', '1')
        res.write('half a page')
        await new Promise(setImmediate)
        throw new Error('secret')
      },
    ],
    [
      'by a stream that breaks half-way',
      (_, res) =>
        void pipeline(
          Readable.from(
            (async function* () {
              yield 'half a page'
              throw new Error('secret')
            })(),
          ),
          res,
        ).catch(() => {}),
    ],
  ])('%s: a whole 500 without the message', async (_, handler) => {
    const output = watchOutput()
    const { port, outcomes, stats } = await startListener(handler, { protocol })
    const { status, headers, body, broken } = await fetched(protocol, port)
    expect({ status, broken }).toEqual({ status: 500, broken: undefined })
    expect(JSON.parse(body)).toMatchObject({ code: 'HANDLER_FAILED' })
    expect(headers).not.toHaveProperty('x-half')
    expect(await outcomes.first()).toMatchObject({
      kind: 'failed',
      status: 500,
      error: { message: 'secret' },
    })
    expect(stats).toMatchObject({ active: 0, abandoned: 0 })
    expect(output).toEqual([])
  })

  test('after it has answered: the answer stands, and it is told', async () => {
    const output = watchOutput()
    const { port, outcomes, late } = await startListener(
      async (_, res) => {
        res.end('fine')
        throw new Error('afterthought')
      },
      { protocol },
    )
    expect(await fetched(protocol, port)).toMatchObject({ status: 200, body: 'fine' })
    expect(await outcomes.first()).toMatchObject({ kind: 'completed' })
    expect(await late.first()).toMatchObject({
      kind: 'failed',
      escaped: true,
      error: { message: 'afterthought' },
    })
    expect(output).toEqual([['error', 'Curfew handler failed after its response:', expect.any(Error)]])
  })
})

describe.each(protocols)('over %s, a response that has to begin', (protocol) => {
  test('because its head is flushed: the deadline is over, and it is recorded', async () => {
    const gate = deferred<void>()
    const { port, outcomes } = await startListener(
      async (_, res) => {
        res.write('one ')
        res.flushHeaders()
        await gate.promise
        res.end('two')
      },
      { protocol, timeoutMs: 30 },
    )
    const { begun, answer } = call(protocol, port)
    await soon(begun)
    await new Promise((resolve) => setTimeout(resolve, 60))
    gate.resolve()
    expect(await answer).toMatchObject({ status: 200, body: 'one two', broken: undefined })
    expect(await outcomes.first()).toMatchObject({ kind: 'completed', streamed: 'flushed' })
  })

  test('because it is an event stream: each event is there when it is written', async () => {
    const gate = deferred<void>()
    const { port, outcomes } = await startListener(
      async (_, res) => {
        res.writeHead(200, { 'content-type': 'text/event-stream' })
        res.write('data: 1\n\n')
        await gate.promise
        res.end('data: 2\n\n')
      },
      { protocol },
    )
    const { begun, answer } = call(protocol, port)
    await soon(begun)
    gate.resolve()
    expect(await answer).toMatchObject({ body: 'data: 1\n\ndata: 2\n\n' })
    expect(await outcomes.first()).toMatchObject({ kind: 'completed', streamed: 'event-stream' })
  })

  test('because it outgrows maxBytes', async () => {
    const { port, outcomes } = await startListener(
      async (_, res) => {
        for (let i = 0; i < 30; i++) if (!res.write('x'.repeat(1_000))) await once(res, 'drain')
        res.end()
      },
      { protocol, maxBytes: 10_000 },
    )
    expect((await fetched(protocol, port)).body).toHaveLength(30_000)
    expect(await outcomes.first()).toMatchObject({ kind: 'completed', streamed: 'overflowed' })
  })

  test('but must not: it fails, with nothing of it sent', async () => {
    const { port, outcomes } = await startListener(
      async (_, res) => {
        for (let i = 0; i < 30; i++) res.write('x'.repeat(1_000))
        res.end()
      },
      { protocol, maxBytes: 10_000, overflow: 'fail' },
    )
    expect((await fetched(protocol, port)).status).toBe(500)
    expect(await outcomes.first()).toMatchObject({ kind: 'failed', error: { code: 'RESPONSE_TOO_LARGE' } })
  })

  test('and then breaks is cut off, never ended cleanly', async () => {
    const { port, outcomes } = await startListener(
      async (_, res) => {
        res.write('half')
        res.flushHeaders()
        await new Promise(setImmediate)
        throw new Error('broke')
      },
      { protocol },
    )
    const { begun, answer } = call(protocol, port)
    await begun.catch(() => {})
    expect((await answer).broken).toBeDefined()
    expect(await outcomes.first()).toMatchObject({
      kind: 'failed',
      phase: 'streaming',
      error: { message: 'broke' },
    })
  })

  test('and is written on and on is never idle', async () => {
    const clock = new ManualClock()
    const { port, outcomes } = await startListener(
      async (_, res) => {
        res.flushHeaders()
        await turn()
        for (let i = 0; i < 10; i++) {
          res.write('piece ')
          await clock.advance(600)
        }
        res.end('end')
        await clock.advance(5_000)
      },
      { protocol, clock, streamIdleMs: 1_000 },
    )
    expect(await fetched(protocol, port)).toMatchObject({ body: `${'piece '.repeat(10)}end` })
    expect(await outcomes.first()).toMatchObject({ kind: 'completed', streamed: 'flushed' })
  })

  test('and has ended stands, whatever its handler throws then', async () => {
    const output = watchOutput()
    const { port, outcomes } = await startListener(
      async (_, res) => {
        res.flushHeaders()
        await turn()
        res.end('all of it')
        throw new Error('Nobody waits for that')
      },
      { protocol },
    )
    expect(await fetched(protocol, port)).toMatchObject({ body: 'all of it' })
    expect(await outcomes.first()).toMatchObject({ kind: 'completed', streamed: 'flushed' })
    expect(output).toEqual([['error', 'Curfew handler failed after its response:', expect.any(Error)]])
  })

  test.each(['streamIdleMs', 'streamTotalMs'])('and goes on for too long is cut off by %s', async (limit) => {
    const { port, outcomes } = await startListener(
      (_, res) => {
        res.write('half')
        res.flushHeaders()
      },
      { protocol, [limit]: 30 },
    )
    expect((await call(protocol, port).answer).broken).toBeDefined()
    expect(await outcomes.first()).toMatchObject({ kind: 'timed-out', phase: 'streaming', timeoutMs: 30 })
  })
})

test('a response is written within end(), whatever its handler goes on to compute', async () => {
  const written = deferred<number>()
  const { port } = await startListener(async (req, res) => {
    await turn()
    const before = req.socket.bytesWritten
    res.end('hello')
    written.resolve(req.socket.bytesWritten - before)
  })
  expect(await fetched('http', port)).toMatchObject({ body: 'hello' })
  expect(await written.promise).toBeGreaterThan('hello'.length)
})

describe.each(protocols)('over %s, a client that leaves', (protocol) => {
  test('while its response is held: nothing is written, and the handler is told in both ways', async () => {
    const output = watchOutput()
    const begun = deferred<void>()
    const closed = deferred<boolean>()
    const reason = deferred<unknown>()
    const { port, outcomes, late, stats } = await startListener(
      async (req, res) => {
        res.on('close', () => closed.resolve(res.writableFinished))
        res.write('half a page')
        begun.resolve()
        reason.resolve(await aborted(scopeOf(req).signal))
        res.write('more')
        res.end()
      },
      { protocol },
    )
    const client = call(protocol, port)
    await begun.promise
    client.leave()
    expect(await soon(reason.promise)).toBeInstanceOf(ClientClosedError)
    expect(await soon(closed.promise)).toBe(false)
    expect(await outcomes.first()).toMatchObject({ kind: 'client-closed', phase: 'handling', status: 499 })
    expect(await late.first()).toMatchObject({ kind: 'completed' })
    expect(stats).toMatchObject({ active: 0, abandoned: 0, lateWrites: 2 })
    expect(output).toEqual([])
  })

  test('after the response has begun: it is recorded as writing', async () => {
    const begun = deferred<void>()
    const { port, outcomes } = await startListener(
      (_, res) => {
        res.write('x'.repeat(100))
        res.flushHeaders()
        begun.resolve()
      },
      { protocol },
    )
    const client = call(protocol, port)
    await client.begun
    client.leave()
    expect(await soon(outcomes.first())).toMatchObject({ kind: 'client-closed', phase: 'writing' })
  })
})

describe('on one connection', () => {
  test('pipelined requests are answered in order, whichever is too late', async () => {
    const { port } = await startListener(
      async (req, res) => {
        if (req.url === '/late') await never()
        res.end(req.url)
      },
      { timeoutMs: 30 },
    )
    const client = await RawClient.sending(
      port,
      get('/a') + get('/late') + get('/b') + get('/late') + get('/c'),
    )
    const responses = await client.responses(5)
    expect(responses.map(({ status, body }) => [status, status === 200 ? body : ''])).toEqual([
      [200, '/a'],
      [503, ''],
      [200, '/b'],
      [503, ''],
      [200, '/c'],
    ])
  })

  test('a response that was sent whole stays completed when the one behind it is broken off', async () => {
    const broken = deferred<void>()
    const { port, outcomes } = await startListener(async (req, res) => {
      if (req.url === '/whole') {
        await broken.promise
        return void res.end('whole')
      }
      res.flushHeaders()
      await turn()
      res.destroy(new Error('broken'))
      broken.resolve()
    })
    const client = await RawClient.sending(port, get('/whole') + get('/broken'))
    await client.over
    expect(client.received).toMatch(/whole$/)
    const kinds = (await outcomes.reached(2)).map(({ kind, status }) => [kind, status])
    expect(kinds.sort()).toEqual([
      ['completed', 200],
      ['failed', 200],
    ])
  })

  test('a pipelined response whose client has left is closed, also to whoever looks at it later', async () => {
    const second = deferred<void>()
    const found = deferred<unknown>()
    const { port } = await startListener(
      async (req, res) => {
        if (req.url !== '/second') await never()
        second.resolve()
        await once(res, 'close')
        const written = pipeline(Readable.from(['a piece']), res).catch(() => 'refused')
        found.resolve([res.destroyed, res.closed, await written])
      },
      { timeoutMs: false },
    )
    const client = await RawClient.sending(port, get('/first') + get('/second'))
    await second.promise
    client.close()
    expect(await soon(found.promise)).toEqual([true, true, 'refused'])
  })

  test('a request that comes after a timeout is not touched by what the late handler does to its socket', async () => {
    const gate = deferred<void>()
    const next = deferred<void>()
    const { port } = await startListener(
      async (req, res) => {
        if (req.url !== '/late') {
          next.resolve()
          await gate.promise
          return void res.end('next')
        }
        await next.promise
        res.destroy()
        req.socket.destroy()
        req.socket.end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n')
        gate.resolve()
      },
      { timeoutMs: 50, timeoutResponse: 'too late' },
    )
    const client = await RawClient.connect(port)
    client.send(get('/late'))
    await client.saw('too late')
    client.send(get('/next'))
    const responses = await client.responses(2)
    expect(responses.map(({ body }) => body)).toEqual(['too late', 'next'])
  })

  test('a client that asked to be told to go on is told, and gets a whole answer', async () => {
    const { port } = await startListener(async (req, res) => {
      let body = ''
      for await (const chunk of req) body += chunk
      res.end(body)
    })
    const client = await RawClient.sending(
      port,
      get('/', { method: 'POST', headers: ['Expect: 100-continue', 'Content-Length: 2'] }),
    )
    await client.saw('HTTP/1.1 100 Continue\r\n\r\n')
    client.send('ok')
    await client.saw('\r\n\r\nok')
  })

  test('hints go out before the response, which may still be another one', async () => {
    const { port } = await startListener(
      async (_, res) => {
        res.writeEarlyHints({ link: '</a.css>; rel=preload' })
        await never()
      },
      { timeoutMs: 30 },
    )
    const client = await RawClient.sending(port, get())
    await client.saw('HTTP/1.1 503')
    expect(client.received).toMatch(/^HTTP\/1\.1 103 Early Hints\r\nLink: .*\r\n\r\nHTTP\/1\.1 503 /)
  })

  test('a connection that the client wants closed is closed, also after a timeout', async () => {
    const { port } = await startListener(never as never, { timeoutMs: 20 })
    const client = await RawClient.sending(port, get('/', { headers: ['Connection: close'] }))
    const [response] = await client.rest()
    expect(response).toMatchObject({ status: 503 })
    expect(response!.headers).toContainEqual(['connection', 'close'])
  })

  test('a client of HTTP/1.0 gets a reply that it can read', async () => {
    const { port } = await startListener(never as never, { timeoutMs: 20 })
    const client = await RawClient.sending(port, 'GET / HTTP/1.0\r\n\r\n')
    expect(await client.over).toBeUndefined()
    expect(client.received).toContain('HANDLER_TIMEOUT')
  })
})

describe('those who are told', () => {
  test('get a request that says what Node knows of it', async () => {
    const seen = deferred<Request>()
    const { port } = await startListener((_, res) => res.end(), {
      onOutcome: (_: Outcome, request) => seen.resolve(request),
    })
    await fetched('http', port, { path: '/a?b=c', headers: { 'x-one': '1', cookie: 'a=b' } })
    const request = await seen.promise
    expect(request).toBeInstanceOf(Request)
    expect(request.method).toBe('GET')
    expect(request.url).toBe(`http://127.0.0.1:${port}/a?b=c`)
    expect(request.headers.get('x-one')).toBe('1')
    expect(request.bodyUsed).toBe(false)
    expect(await request.text()).toBe('')
    expect(request.clone().url).toBe(request.url)
  })

  test.each([
    'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n',
    'GET http://b/x HTTP/1.1\r\nHost: a b\r\n\r\n',
    'GET //[ HTTP/1.1\r\nHost: [\r\n\r\n',
  ])('get one for whatever Node lets in: %j', async (text) => {
    const seen = deferred<string>()
    const { port } = await startListener((_, res) => res.end('ok'), {
      onOutcome: (_: Outcome, request) => seen.resolve(request.url),
    })
    const client = await RawClient.sending(port, text)
    await client.saw('ok')
    expect(URL.canParse(await seen.promise)).toBe(true)
  })

  test('find the scope of a request, and its signal, on the request itself', async () => {
    const { port } = await startListener((req, res, scope) => {
      expect(scopeOf(req)).toBe(scope)
      expect((req as unknown as { signal: AbortSignal }).signal).toBe(scope.signal)
      res.end('same')
    })
    expect((await fetched('http', port)).body).toBe('same')
    expect(() => scopeOf({} as never)).toThrow('Request is not guarded')
  })

  test('get reports with what the handler had read of the body', async () => {
    const report = deferred<Report>()
    const reports = reporter({
      hooks: [(made) => report.resolve(made)],
      redact: { allow: { body: ['sku'] } },
    })
    const { port } = await startListener(
      async (req) => {
        let text = ''
        for await (const chunk of req.setEncoding('utf8')) text += chunk
        throw new Error(`No such article: ${JSON.parse(text).sku}`)
      },
      { reporter: reports },
    )
    const headers = { 'content-type': 'application/json' }
    await fetched('http', port, { method: 'POST', path: '/orders', headers, body: '{"sku":"a1","card":"x"}' })
    expect(await soon(report.promise)).toMatchObject({
      kind: 'failed',
      error: { message: 'No such article: a1' },
      request: {
        method: 'POST',
        url: `http://127.0.0.1:${port}/orders`,
        body: { kind: 'json', complete: true, value: { sku: 'a1', card: '[redacted]' } },
      },
      response: { status: 500 },
    })
  })

  test('get reports with the head of a failure that the handler answered by itself', async () => {
    const report = deferred<Report>()
    const { port } = await startListener(
      (_, res, scope) => {
        scope.handledError = new Error('database is gone')
        res.writeHead(502, { 'x-request-id': 'id-1' }).end('sorry')
      },
      { reporter: reporter({ hooks: [(made) => report.resolve(made)] }) },
    )
    expect(await fetched('http', port)).toMatchObject({ status: 502, body: 'sorry' })
    expect(await soon(report.promise)).toMatchObject({
      error: { message: 'database is gone' },
      response: { status: 502 },
      outcome: { kind: 'failed', status: 502 },
    })
  })
})

describe('a request that is not let in', () => {
  test('is answered without its handler, and the next one is let in again', async () => {
    const gate = deferred<void>()
    const begun = deferred<void>()
    let calls = 0
    const { port, stats } = await startListener(
      async (_, res) => {
        calls++
        begun.resolve()
        await gate.promise
        res.end('ok')
      },
      { maxConcurrent: 1 },
    )
    const first = fetched('http', port)
    await begun.promise
    const refused = await fetched('http', port)
    expect(refused).toMatchObject({ status: 503, headers: { 'retry-after': '1' } })
    expect(JSON.parse(refused.body)).toMatchObject({ code: 'OVERLOADED' })
    gate.resolve()
    expect((await first).body).toBe('ok')
    expect((await fetched('http', port)).body).toBe('ok')
    expect(calls).toBe(2)
    expect(stats.outcomes).toMatchObject({ completed: 2, rejected: 1 })
  })
})

describe('options', () => {
  test.each([
    [{ timeoutMs: 0 }, 'timeoutMs'],
    [{ buffer: true }, 'buffer'],
    [{ rethrow: true }, 'rethrow'],
    [{ serverTiming: true }, 'serverTiming'],
    [{ nonsense: 1 }, 'nonsense'],
  ])('%j is refused by its name', (options, name) => {
    expect(() => guardListener(() => {}, options as never)).toThrow(`Invalid option ${name}`)
  })

  test('who asks for what there is not is told what there is, and nothing else', () => {
    const message =
      /^Invalid option timeout: expected one of timeoutMs, (?!.*\b(buffer|rethrow|serverTiming)\b).*, got 1$/
    expect(() => guardListener(() => {}, { timeout: 1 } as never)).toThrow(message)
  })

  test('what is no handler is refused', () => {
    expect(() => guardListener('handler' as never)).toThrow(
      /^Invalid option handler: expected a function, .*, got "handler"$/,
    )
  })
})
