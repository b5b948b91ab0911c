import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { findScope, scopeOf } from '@curfew/core'
import { ManualClock } from '@curfew/core/testing'
import express from 'express'
import { describe, expect, onTestFinished, test } from 'vitest'
import { get, RawClient } from '../test/raw-client.ts'
import {
  call,
  deferred,
  fetched,
  never,
  protocols,
  session,
  start,
  startUnguarded,
  watchOutput,
} from '../test/support.ts'
import { serve } from './index.ts'

describe('listening', () => {
  test('resolves with the address', async () => {
    const server = serve({ fetch: () => new Response(), hostname: '127.0.0.1', port: 0 })
    onTestFinished(() => void server.close({ graceMs: 0 }))
    const address = await server.listening
    expect(address).toMatchObject({ address: '127.0.0.1', port: expect.any(Number) })
    expect(address.port).toBeGreaterThan(0)
    expect(server.server.address()).toEqual(address)
  })

  test('takes a port as it is in the environment', async () => {
    const server = serve({ fetch: () => new Response(), hostname: '127.0.0.1', port: '0' })
    onTestFinished(() => void server.close({ graceMs: 0 }))
    expect((await server.listening).port).toBeGreaterThan(0)
  })

  test('rejects when the port is taken, and close() still resolves', async () => {
    const { port } = await start(() => new Response())
    const second = serve({ fetch: () => new Response(), hostname: '127.0.0.1', port })
    await expect(second.listening).rejects.toMatchObject({ code: 'EADDRINUSE' })
    await second.close()
    expect((await fetched('http', port)).status).toBe(200)
  })

  test('the server is the one that createServer made', async () => {
    let made: unknown
    const create = ((...args: Parameters<typeof createServer>) => {
      made = createServer(...args)
      return made
    }) as typeof createServer
    const { server, port } = await start(() => new Response('mine'), { createServer: create })
    expect(server.server).toBe(made)
    expect((await fetched('http', port)).body).toBe('mine')
  })
})

describe.each(protocols)('over %s', (protocol) => {
  test('a response in time arrives whole, and is recorded once', async () => {
    const { server, port, outcomes } = await start(
      async () => new Response('hello', { status: 201, headers: { 'x-a': 'b' } }),
      { protocol },
    )
    expect(await fetched(protocol, port)).toMatchObject({
      status: 201,
      body: 'hello',
      broken: undefined,
      headers: { 'x-a': 'b', 'content-length': '5' },
    })
    await outcomes.reached(1)
    await server.close()
    expect(outcomes.all).toEqual([{ kind: 'completed', status: 201, elapsedMs: expect.any(Number) }])
  })

  test('a synchronous response arrives whole, and is recorded once', async () => {
    const { server, port, outcomes } = await start(() => new Response('hellö'), { protocol })
    expect(await fetched(protocol, port)).toMatchObject({ status: 200, headers: { 'content-length': '6' } })
    await outcomes.reached(1)
    await server.close()
    expect(outcomes.all).toMatchObject([{ kind: 'completed', status: 200 }])
  })

  test('at the deadline the client reads a whole problem+json, and the handler is told', async () => {
    const clock = new ManualClock()
    const signal = deferred<AbortSignal>()
    const { server, port, outcomes } = await start(
      (request: Request) => {
        signal.resolve(request.signal)
        return never()
      },
      { protocol, clock, timeoutMs: 5_000 },
    )
    const answer = fetched(protocol, port)
    const { promise } = signal
    const handlerSignal = await promise
    await clock.advance(4_999)
    expect(handlerSignal.aborted).toBe(false)
    await clock.advance(1)
    const { status, headers, body, broken } = await answer
    expect({ status, broken }).toEqual({ status: 503, broken: undefined })
    expect(headers['content-type']).toBe('application/problem+json')
    expect(headers['content-length']).toBe(String(body.length))
    expect(JSON.parse(body)).toMatchObject({ status: 503, code: 'HANDLER_TIMEOUT' })
    expect(handlerSignal.reason).toMatchObject({ code: 'HANDLER_TIMEOUT', timeoutMs: 5_000 })
    await outcomes.reached(1)
    await server.close()
    expect(outcomes.all).toMatchObject([
      { kind: 'timed-out', phase: 'handling', status: 503, elapsedMs: 5_000 },
    ])
  })

  test('what the handler does after its timeout reaches nobody, and is recorded as late', async () => {
    const clock = new ManualClock()
    const begun = deferred<void>()
    const work = deferred<Response>()
    const { port, late } = await start(
      () => {
        begun.resolve()
        return work.promise
      },
      { protocol, clock, timeoutMs: 5_000 },
    )
    const answer = fetched(protocol, port)
    await begun.promise
    await clock.advance(5_000)
    expect((await answer).body).toContain('HANDLER_TIMEOUT')
    work.resolve(new Response('late', { headers: { 'x-late': '1' } }))
    expect(await late.first()).toMatchObject({ kind: 'completed', outcome: { kind: 'timed-out' } })
    expect((await answer).headers['x-late']).toBeUndefined()
  })

  test('a throw is answered 500 without its message, and recorded with it', async () => {
    const output = watchOutput()
    const { port, outcomes } = await start(
      async () => {
        throw new Error('secret')
      },
      { protocol },
    )
    const { status, body } = await fetched(protocol, port)
    expect(status).toBe(500)
    expect(JSON.parse(body)).toMatchObject({ code: 'HANDLER_FAILED' })
    expect(body).not.toContain('secret')
    expect(await outcomes.first()).toMatchObject({ kind: 'failed', error: { message: 'secret' } })
    expect(output).toEqual([])
  })

  test('a handler that only writes into its buffer has that sent', async () => {
    const { port } = await start(
      async (request: Request) => {
        scopeOf(request).response.text('written', 202)
      },
      { protocol },
    )
    expect(await fetched(protocol, port)).toMatchObject({ status: 202, body: 'written' })
  })

  test('a guarded handler that comes back with nothing is answered 500, and says nothing of why', async () => {
    const output = watchOutput()
    const { port } = await start(async () => undefined, { protocol })
    const { status, body } = await fetched(protocol, port)
    expect(status).toBe(500)
    expect(body).not.toMatch(/Error:|Symbol|undefined/)
    expect(output).toEqual([])
  })

  test.each([
    ['synchronous', (response: () => Response) => response()],
    ['asynchronous', async (response: () => Response) => response()],
  ])('a %s response of any make arrives as it is', async (_, wrap) => {
    const responses: Record<string, () => Response> = {
      '/json': () => Response.json({ a: 1 }),
      '/redirect': () => Response.redirect('http://elsewhere.test/b', 307),
      '/cookies': () => {
        const response = new Response('x')
        response.headers.append('set-cookie', 'a=1')
        response.headers.append('set-cookie', 'b=2')
        return response
      },
      '/streamed-cookies': () => {
        const response = new Response(new Blob(['x']).stream())
        response.headers.append('set-cookie', 'a=1')
        response.headers.append('set-cookie', 'b=2')
        return response
      },
      '/204': () => new Response(null, { status: 204 }),
      '/304': () => new Response(null, { status: 304, headers: { etag: '"a"' } }),
      '/empty': () => new Response(''),
      '/blob': () => new Response(new Blob(['blob'], { type: 'text/x-blob' })),
      '/buffer': () => new Response(new TextEncoder().encode('buffer').buffer),
      '/form': () => new Response(new URLSearchParams({ a: '1' })),
    }
    const { server, port, outcomes } = await start(
      (request: Request) => wrap(responses[new URL(request.url).pathname]!),
      { protocol },
    )
    const at = (path: string) => fetched(protocol, port, { path })
    expect(await at('/json')).toMatchObject({
      status: 200,
      body: '{"a":1}',
      headers: { 'content-type': 'application/json', 'content-length': '7' },
    })
    expect(await at('/redirect')).toMatchObject({
      status: 307,
      headers: { location: 'http://elsewhere.test/b' },
    })
    expect((await at('/cookies')).headers['set-cookie']).toEqual(['a=1', 'b=2'])
    expect((await at('/streamed-cookies')).headers['set-cookie']).toEqual(['a=1', 'b=2'])
    expect(await at('/204')).toMatchObject({ status: 204, body: '', broken: undefined })
    expect(await at('/304')).toMatchObject({
      status: 304,
      body: '',
      broken: undefined,
      headers: { etag: '"a"' },
    })
    expect(await at('/empty')).toMatchObject({ status: 200, body: '', broken: undefined })
    expect(await at('/blob')).toMatchObject({ body: 'blob', headers: { 'content-type': 'text/x-blob' } })
    expect(await at('/buffer')).toMatchObject({ body: 'buffer', broken: undefined })
    expect(await at('/form')).toMatchObject({ body: 'a=1', broken: undefined })
    await outcomes.reached(10)
    await server.close()
    expect(outcomes.all.map(({ kind }) => kind)).toEqual(Array(10).fill('completed'))
  })

  test("a response of the runtime's own fetch() is handed on", async () => {
    const upstream = await start(
      () =>
        new Response('from upstream', {
          headers: { 'x-upstream': 'yes', 'content-type': 'text/x-upstream' },
        }),
    )
    const { port, outcomes } = await start(() => fetch(`http://127.0.0.1:${upstream.port}/`), { protocol })
    expect(await fetched(protocol, port)).toMatchObject({
      status: 200,
      body: 'from upstream',
      broken: undefined,
      headers: { 'x-upstream': 'yes', 'content-type': 'text/x-upstream', 'content-length': '13' },
    })
    expect(await outcomes.first()).toMatchObject({ kind: 'completed', status: 200 })
  })

  test.each([
    ['text', () => new Response('hello')],
    ['a stream', () => new Response(new Blob(['hello']).stream())],
    ['nothing', () => new Response(null)],
  ])('HEAD of %s has a head and no body', async (_, handler) => {
    const { server, port, outcomes } = await start(async () => handler(), { protocol })
    expect(await fetched(protocol, port, { method: 'HEAD' })).toMatchObject({
      status: 200,
      body: '',
      broken: undefined,
    })
    await outcomes.reached(1)
    await server.close()
    expect(outcomes.all).toMatchObject([{ kind: 'completed', status: 200 }])
  })

  test('a timeout under HEAD has no body either', async () => {
    const clock = new ManualClock()
    const begun = deferred<void>()
    const { port } = await start(
      () => {
        begun.resolve()
        return never()
      },
      { protocol, clock, timeoutMs: 5_000 },
    )
    const answer = fetched(protocol, port, { method: 'HEAD' })
    await begun.promise
    await clock.advance(5_000)
    expect(await answer).toMatchObject({ status: 503, body: '', broken: undefined })
  })

  test('an upload is read, and answered', async () => {
    const { port, outcomes } = await start(async (request: Request) => new Response(await request.text()), {
      protocol,
    })
    const upload = call(protocol, port, { method: 'POST' })
    upload.write('one ')
    upload.end('two')
    expect(await upload.answer).toMatchObject({ status: 200, body: 'one two' })
    expect(await outcomes.first()).toMatchObject({ kind: 'completed' })
  })

  test('a timeout in the middle of an upload is answered', async () => {
    const clock = new ManualClock()
    const begun = deferred<void>()
    const { port, outcomes } = await start(
      async (request: Request) => {
        begun.resolve()
        return new Response(await request.text())
      },
      { protocol, clock, timeoutMs: 5_000 },
    )
    const upload = call(protocol, port, { method: 'POST' })
    upload.write('half')
    await begun.promise
    await clock.advance(5_000)
    const { status, body } = await upload.answer
    expect({ status, code: JSON.parse(body).code }).toEqual({ status: 408, code: 'REQUEST_TIMEOUT' })
    expect(await outcomes.first()).toMatchObject({ kind: 'timed-out', phase: 'receiving' })
  })

  test.each([
    ['text', () => new Response('x'.repeat(3_000_000))],
    ['a stream', () => new Response(new Blob(['x'.repeat(3_000_000)]).stream())],
  ])('%s of 3 MB arrives whole although the upload was never read', async (_, response) => {
    const { port, outcomes } = await start(async () => response(), { protocol })
    const upload = call(protocol, port, { method: 'POST', body: 'unread' })
    const { status, body, broken } = await upload.answer
    expect({ status, broken, length: body.length }).toEqual({
      status: 200,
      broken: undefined,
      length: 3_000_000,
    })
    expect(await outcomes.first()).toMatchObject({ kind: 'completed', status: 200 })
  })
})

describe.each(['h2c', 'h2'] as const)('over %s, on one connection', (protocol) => {
  test('a timeout leaves the other requests alone', async () => {
    const clock = new ManualClock()
    const begun = deferred<void>()
    const { port } = await start(
      (request: Request) => {
        if (new URL(request.url).pathname === '/quick') return new Response('quick')
        begun.resolve()
        return never()
      },
      { protocol, clock, timeoutMs: 5_000 },
    )
    const client = session(protocol, port)
    const slow = fetched(protocol, port, { session: client, path: '/slow' })
    await begun.promise
    expect(await fetched(protocol, port, { session: client, path: '/quick' })).toMatchObject({
      body: 'quick',
    })
    await clock.advance(5_000)
    expect((await slow).status).toBe(503)
    expect(await fetched(protocol, port, { session: client, path: '/quick' })).toMatchObject({
      body: 'quick',
    })
  })
})

describe('on one HTTP/1.1 connection', () => {
  test('a timeout leaves it usable', async () => {
    const clock = new ManualClock()
    const begun = deferred<void>()
    const { port } = await start(
      (request: Request) => {
        if (new URL(request.url).pathname === '/quick') return new Response('quick')
        begun.resolve()
        return never()
      },
      { clock, timeoutMs: 5_000 },
    )
    const client = await RawClient.sending(port, get('/slow'))
    await begun.promise
    await clock.advance(5_000)
    expect((await client.response()).status).toBe(503)
    client.send(get('/quick'))
    const [first, second] = await client.responses(2)
    expect(first).toMatchObject({ status: 503, reason: 'Service Unavailable' })
    expect(second).toMatchObject({ status: 200, body: 'quick' })
  })

  test('a timeout and a pipelined request are answered in order', async () => {
    const clock = new ManualClock()
    const begun = deferred<void>()
    const { port, outcomes } = await start(
      (request: Request) => {
        if (new URL(request.url).pathname === '/quick') {
          begun.resolve()
          return new Response('quick')
        }
        return never()
      },
      { clock, timeoutMs: 5_000 },
    )
    const client = await RawClient.sending(port, get('/slow') + get('/quick'))
    await begun.promise
    expect(client.received).toBe('')
    await clock.advance(5_000)
    const responses = await client.responses(2)
    expect(responses.map(({ status }) => status)).toEqual([503, 200])
    const kinds = (await outcomes.reached(2)).map(({ kind }) => kind)
    expect(kinds.sort()).toEqual(['completed', 'timed-out'])
  })

  test('both time out, and both are answered', async () => {
    const clock = new ManualClock()
    const begun = deferred<void>()
    let running = 0
    const { port } = await start(
      () => {
        if (++running === 2) begun.resolve()
        return never()
      },
      { clock, timeoutMs: 5_000 },
    )
    const client = await RawClient.sending(port, get('/1') + get('/2'))
    await begun.promise
    await clock.advance(5_000)
    expect((await client.responses(2)).map(({ status }) => status)).toEqual([503, 503])
  })

  test('30 pipelined requests are answered in order, without a warning', async () => {
    const output = watchOutput()
    const gate = deferred<void>()
    let running = 0
    const all = deferred<void>()
    const { port, outcomes } = await start(async (request: Request) => {
      if (++running === 30) all.resolve()
      await gate.promise
      return new Response(new URL(request.url).pathname)
    })
    const paths = Array.from({ length: 30 }, (_, index) => `/${index}`)
    const client = await RawClient.sending(port, paths.map((path) => get(path)).join(''))
    await all.promise
    gate.resolve()
    expect((await client.responses(30)).map(({ body }) => body)).toEqual(paths)
    expect((await outcomes.reached(30)).every(({ kind }) => kind === 'completed')).toBe(true)
    expect(output).toEqual([])
  })

  test('HTTP/1.0 is answered, and its connection ends', async () => {
    const { port } = await start(() => new Response('old'))
    const client = await RawClient.sending(port, 'GET / HTTP/1.0\r\nHost: a\r\n\r\n')
    expect(await client.rest()).toMatchObject([{ status: 200, body: 'old' }])
  })

  test('a request that waits for 100-continue is told to go on', async () => {
    const { port } = await start(async (request: Request) => new Response(await request.text()))
    const client = await RawClient.sending(
      port,
      get('/', { method: 'POST', headers: ['Content-Length: 4', 'Expect: 100-continue'] }),
    )
    await client.bytes(25)
    expect(client.received).toBe('HTTP/1.1 100 Continue\r\n\r\n')
    client.send('body')
    expect(await client.response()).toMatchObject({ status: 200, body: 'body' })
  })

  test('a body that waits for 100-continue in vain does not keep the timeout from being sent', async () => {
    const clock = new ManualClock()
    const begun = deferred<void>()
    const { port } = await start(
      async (request: Request) => {
        begun.resolve()
        return new Response(await request.text())
      },
      { clock, timeoutMs: 5_000 },
    )
    const client = await RawClient.sending(
      port,
      get('/', { method: 'POST', headers: ['Content-Length: 4', 'Expect: 100-continue'] }),
    )
    await begun.promise
    await clock.advance(5_000)
    expect((await client.response()).status).toBe(408)
  })

  test.each([
    ['no Host', 'GET / HTTP/1.1\r\n\r\n'],
    ['a bad Host', 'GET / HTTP/1.1\r\nHost: a b\r\n\r\n'],
    ['a bad target', 'GET http://[ HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['what is no HTTP', 'hello\r\n\r\n'],
  ])('a request with %s is answered 400, and the next client is served', async (_, text) => {
    const output = watchOutput()
    const { port, outcomes } = await start(() => new Response('fine'))
    const client = await RawClient.sending(port, text)
    expect(await client.response().catch(() => client.rest().then(([last]) => last))).toMatchObject({
      status: 400,
    })
    expect((await fetched('http', port)).body).toBe('fine')
    expect(await outcomes.reached(1)).toHaveLength(1)
    expect(output).toEqual([])
  })
})

describe('a head that cannot be written', () => {
  const heads: [string, () => Response][] = [
    ['a line break in a header', () => new Response('x', { headers: { 'x-a': 'secret\nb' } })],
    ['a header name with a space', () => new Response('x', { headers: { 'x a': 'secret' } })],
    ['a status of 99', () => new Response('x', { status: 99 })],
    ['the status of Response.error()', () => Response.error()],
  ]

  for (const protocol of ['http', 'h2c'] as const) {
    // Node drops a header with a line break over HTTP/2, and makes a 200 of a status of 0.
    const bad = protocol === 'http' ? heads : heads.slice(1, 3)
    for (const [guarding, begin] of [
      ['guarded', start],
      ['unguarded', startUnguarded],
    ] as const) {
      test.each(bad)(`${guarding}, over ${protocol}: %s, at once, is a 500`, async (_, response) => {
        await expectFailure(protocol, begin, (path) => (path === '/next' ? new Response('next') : response()))
      })

      test.each(bad)(`${guarding}, over ${protocol}: %s, later, is a 500`, async (_, response) => {
        await expectFailure(protocol, begin, async (path) =>
          path === '/next' ? new Response('next') : response(),
        )
      })
    }
  }

  test('over HTTP/2 a header with a line break reaches nobody', async () => {
    const { port } = await start(() => new Response('x', { headers: { 'x-a': 'a\nb' } }), { protocol: 'h2c' })
    const client = session('h2c', port)
    for (const _ of [1, 2]) {
      const { headers } = await fetched('h2c', port, { session: client })
      expect(Object.keys(headers)).not.toContain('x-a')
    }
  })

  async function expectFailure(
    protocol: 'http' | 'h2c',
    begin: typeof start | typeof startUnguarded,
    respond: (path: string) => Response | Promise<Response>,
  ): Promise<void> {
    const output = watchOutput()
    const { port, outcomes } = await begin((request: Request) => respond(new URL(request.url).pathname), {
      protocol,
    })
    const shared = protocol === 'h2c' ? { session: session(protocol, port) } : {}
    const { status, body, broken, headers } = await fetched(protocol, port, shared)
    expect({ status, broken }).toEqual({ status: 500, broken: undefined })
    expect(body).not.toMatch(/secret|Error:|x-a/)
    expect(headers['content-type']).toBe('application/problem+json')
    expect(await fetched(protocol, port, { path: '/next', ...shared })).toMatchObject({
      status: 200,
      body: 'next',
    })
    if (begin === start) {
      const [first] = await outcomes.reached(2)
      expect(first).toMatchObject({ kind: 'failed', error: expect.any(Error) })
    }
    expect(output).toEqual([])
  }

  test('the status line of that 500 says so', async () => {
    const { port } = await start(() => new Response('x', { headers: { 'x-a': 'a\nb' } }))
    const client = await RawClient.sending(port, get('/'))
    expect(await client.response()).toMatchObject({ status: 500, reason: 'Internal Server Error' })
  })
})

describe('a raw socket', () => {
  test('a client that connects and leaves without a word disturbs nobody', async () => {
    const output = watchOutput()
    const { port } = await start(() => new Response('fine'))
    const socket = connect(port, '127.0.0.1')
    await new Promise<void>((resolve) => socket.once('connect', resolve))
    socket.resetAndDestroy()
    expect((await fetched('http', port)).body).toBe('fine')
    expect(output).toEqual([])
  })
})

describe('serve() refuses', () => {
  test('a handler that is none', () => {
    expect(() => serve({} as never)).toThrow('Invalid option fetch: expected a function, got undefined')
    expect(() => serve({ fetch: { fetch() {} } as never })).toThrow('Invalid option fetch')
    expect(() => serve(undefined as never)).toThrow('Invalid option options: expected an object')
  })

  test('an app of Express where a fetch handler belongs', () => {
    expect(() => serve({ fetch: express() as never })).toThrow('an app of Express or Connect is a listener')
  })

  test.each([['http'], [''], [-1], [65_536], [Number.NaN], [1.5], [null]])('%j for a port', (port) => {
    expect(() => serve({ fetch: () => new Response(), port: port as never })).toThrow('Invalid option port')
  })

  test('an option that nobody knows, and names those of the server as well', () => {
    expect(() => serve({ fetch: () => new Response(), prot: 1 } as never)).toThrow(
      /option prot: .*\bport\b.*timeoutMs/,
    )
  })
})

describe('a server that cannot listen', () => {
  /** What becomes of a process whose server finds its port taken. */
  async function ended(port: number, then: string): Promise<{ code: unknown; output: string }> {
    const adapter = new URL('../dist/index.js', import.meta.url).href
    const program = `
      const { serve } = await import('${adapter}')
      const options = { hostname: '127.0.0.1', port: ${port}, signals: true }
      const server = serve({ fetch: () => new Response(), ...options })
      ${then}`
    const child = spawn(process.execPath, ['--input-type=module', '--eval', program])
    let output = ''
    child.stderr.on('data', (chunk) => {
      output += chunk
    })
    const [code] = await once(child, 'close')
    return { code, output }
  }

  test('ends the process with its error when nobody waits for it', async () => {
    const { port } = await start(() => new Response())
    const { code, output } = await ended(port, '')
    expect(code).toBe(1)
    expect(output).toContain('EADDRINUSE')
  })

  test.each([
    ['waits for it', 'server.listening.catch(() => {})'],
    ['listens to the server', "server.server.on('error', () => {})"],
    ['closes it', 'await server.close()'],
  ])('leaves that to whoever %s', async (_, then) => {
    const { port } = await start(() => new Response())
    expect(await ended(port, then)).toEqual({ code: 0, output: '' })
  })
})

test('an option that is undefined makes serve() no guard', async () => {
  const requests: Request[] = []
  const server = serve({
    port: 0,
    fetch: (request: Request) => {
      requests.push(request)
      return new Response('hello')
    },
    timeoutMs: undefined as never,
  })
  const { port } = await server.listening
  expect((await fetch(`http://127.0.0.1:${port}`)).status).toBe(200)
  await server.close()
  expect(findScope(requests[0]!)).toBeUndefined()
})
