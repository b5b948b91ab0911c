import { type GuardOptions, streaming } from '@curfew/core'
import { type Context, Hono, type MiddlewareHandler } from 'hono'
import { setCookie } from 'hono/cookie'
import { cors } from 'hono/cors'
import { stream, streamSSE, streamText } from 'hono/streaming'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { deferred, observed, read, soon, source, timeoutReply } from '../test/support.ts'
import { type CurfewMiddleware, curfew } from './index.ts'

afterEach(() => vi.restoreAllMocks())

/** An app with middleware around a route that is buffered, either by its only guard or by its own. */
const ways: [name: string, guard: (options: GuardOptions) => CurfewMiddleware[]][] = [
  ['curfew({ buffer: true })', (options) => [curfew({ ...options, buffer: true })]],
  ['curfew({ buffer: true }) under a curfew()', (options) => [curfew(options), curfew({ buffer: true })]],
]

describe.each(ways)('%s', (_, guards) => {
  function scene(
    handler: (c: Context) => Response | Promise<Response>,
    extra: GuardOptions = {},
    outside: MiddlewareHandler = cors(),
  ) {
    const { options, ...watched } = observed(extra)
    const app = new Hono()
    const onError = vi.fn((error: Error, c: Context): Response => c.text(`onError: ${error.message}`, 500))
    app.onError(onError)
    app.use(outside)
    app.use(async (c, next) => {
      c.header('x-before', '1')
      setCookie(c, 'before', '1')
      await next()
      c.header('x-after', '1')
    })
    for (const guard of guards(options)) app.use(guard)
    app.get('/', handler)
    return { app, onError, ...watched }
  }

  const outer: [string, string][] = [
    ['access-control-allow-origin', '*'],
    ['set-cookie', 'before=1; Path=/'],
    ['x-after', '1'],
    ['x-before', '1'],
  ]

  function withOuter(...own: [string, string][]): [string, string][] {
    return [...outer, ...own].sort(([a], [b]) => a.localeCompare(b))
  }

  test('sends nothing before the body is there, and then all of it', async () => {
    const page = source()
    const { app, clock, outcomes } = scene((c) => {
      c.header('x-inner', '1')
      setCookie(c, 'inner', '1')
      return c.body(page.stream, 201)
    })
    let settled = false
    const reply = Promise.resolve(app.request('/')).finally(() => {
      settled = true
    })
    page.write('one ')
    await clock.advance(50)
    expect(settled).toBe(false)
    page.write('two')
    page.end()
    const { status, headers, body } = await read(await soon(reply))
    expect({ status, body }).toEqual({ status: 201, body: 'one two' })
    expect(Object.fromEntries(headers)).toMatchObject({ 'x-inner': '1', 'x-before': '1', 'x-after': '1' })
    expect(headers.filter(([name]) => name === 'set-cookie').map(([, cookie]) => cookie)).toEqual([
      'before=1; Path=/',
      'inner=1; Path=/',
    ])
    await clock.advance(0)
    expect(outcomes).toEqual([{ kind: 'completed', status: 201, elapsedMs: 50 }])
  })

  test('a body that breaks half-way goes to onError once, which starts from what was set outside', async () => {
    const page = source()
    const boom = new Error('boom')
    const { app, clock, onError, outcomes } = scene((c) => {
      c.header('x-inner', 'secret')
      setCookie(c, 'inner', 'secret')
      return c.body(page.stream, 201, { 'x-inner-too': 'secret' })
    })
    const reply = app.request('/')
    page.write('secret')
    await clock.advance(10)
    page.fail(boom)
    expect(await read(await soon(reply))).toEqual({
      status: 500,
      headers: withOuter(['content-type', 'text/plain; charset=UTF-8']),
      body: 'onError: boom',
    })
    await clock.advance(0)
    expect(onError).toHaveBeenCalledTimes(1)
    expect(onError.mock.calls[0]![0]).toBe(boom)
    expect(outcomes).toEqual([{ kind: 'failed', phase: 'handling', status: 500, elapsedMs: 10, error: boom }])
  })

  test('a body that breaks half-way leaves nothing behind, and doubles nothing, where c.res was not touched', async () => {
    const page = source()
    const { app } = scene(
      (c) => {
        c.header('x-inner', 'secret')
        setCookie(c, 'inner', 'secret')
        return c.body(page.stream)
      },
      {},
      async (_, next) => {
        await next()
      },
    )
    const reply = app.request('/')
    page.fail(new Error('boom'))
    expect(await read(await soon(reply))).toEqual({
      status: 500,
      headers: [['content-type', 'text/plain; charset=UTF-8'], ...outer.slice(1)],
      body: 'onError: boom',
    })
  })

  test('a status of the broken response is not the one of onError', async () => {
    const page = source()
    const { app, onError } = scene((c) => {
      c.status(201)
      return c.body(page.stream)
    })
    let made: number | undefined
    onError.mockImplementation((_, c) => {
      made = c.body(null).status
      return c.text('no', 500)
    })
    const reply = app.request('/')
    page.fail(new Error('boom'))
    expect((await soon(reply)).status).toBe(500)
    expect(made).toBe(200)
  })

  test('a body that breaks with what is no Error comes out of the app', async () => {
    const page = source()
    const { app, onError, clock, outcomes } = scene((c) => c.body(page.stream))
    const reply = Promise.resolve(app.request('/')).catch((error: unknown) => ({ error }))
    page.fail('boom')
    expect(await soon(reply)).toEqual({ error: 'boom' })
    await clock.advance(0)
    expect(onError).not.toHaveBeenCalled()
    expect(outcomes).toMatchObject([{ kind: 'failed', error: 'boom' }])
  })

  test('a body that is not there by the deadline is a timeout, and its source is told', async () => {
    const page = source()
    const { app, clock, outcomes } = scene((c) => {
      c.header('x-inner', 'secret')
      return c.body(page.stream)
    })
    const reply = app.request('/')
    page.write('secret')
    await clock.advance(100)
    expect(await read(await soon(reply))).toEqual({
      status: 503,
      headers: withOuter(['content-type', 'application/problem+json']),
      body: timeoutReply.body,
    })
    expect(page.cancelled).toMatchObject([{ code: 'HANDLER_TIMEOUT' }])
    expect(outcomes).toMatchObject([{ kind: 'timed-out', status: 503 }])
  })

  test('a body past maxBytes goes to onError', async () => {
    const page = source()
    const { app, onError } = scene((c) => c.body(page.stream), { maxBytes: 4 })
    const reply = app.request('/')
    page.write('hello')
    expect((await soon(reply)).status).toBe(500)
    expect(onError.mock.calls[0]![0]).toMatchObject({ code: 'RESPONSE_TOO_LARGE', maxBytes: 4 })
  })

  test('rethrow: false answers a broken body by itself, clean', async () => {
    const page = source()
    const { app, onError, clock, outcomes } = scene(
      (c) => {
        c.header('x-inner', 'secret')
        return c.body(page.stream, 201)
      },
      { rethrow: false },
    )
    const reply = app.request('/')
    page.write('secret')
    page.fail(new Error('boom'))
    expect(await read(await soon(reply))).toEqual({
      status: 500,
      headers: withOuter(['content-type', 'application/problem+json']),
      body: '{"type":"about:blank","title":"Internal Server Error","status":500,"code":"HANDLER_FAILED"}',
    })
    expect(onError).not.toHaveBeenCalled()
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'failed', status: 500 }])
  })

  test.each([
    ['stream()', (c: Context, cb: () => Promise<void>) => stream(c, cb)],
    ['streamText()', (c: Context, cb: () => Promise<void>) => streamText(c, cb)],
  ])('a page of %s is sent when it is whole', async (_, make) => {
    const { app } = scene((c) => make(c, async () => {}))
    expect(await read(await soon(app.request('/')))).toMatchObject({ status: 200, body: '' })
  })

  test.each([
    ['stream()', stream],
    ['streamText()', streamText],
  ])(
    'cannot see what the callback of %s throws, for Hono catches it: what was written is sent',
    async (_, make) => {
      const logged = vi.spyOn(console, 'error').mockImplementation(() => {})
      const boom = new Error('boom')
      const { app, onError } = scene((c) =>
        make(c, async (out) => {
          await out.write('half a page')
          throw boom
        }),
      )
      expect(await read(await soon(app.request('/')))).toMatchObject({ status: 200, body: 'half a page' })
      expect(onError).not.toHaveBeenCalled()
      expect(logged).toHaveBeenCalledTimes(1)
      expect(logged).toHaveBeenCalledWith(boom)
    },
  )

  test('leaves streamSSE() alone: its events come as they are written', async () => {
    const next = deferred()
    const { app, clock, outcomes } = scene((c) =>
      streamSSE(c, async (out) => {
        await out.writeSSE({ data: 'first' })
        await next.promise
        await out.writeSSE({ data: 'second' })
      }),
    )
    const response = await soon(app.request('/'))
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
    expect((await soon(reader.read())).value).toBe('data: first\n\n')
    await clock.advance(1_000)
    next.resolve()
    expect((await soon(reader.read())).value).toBe('data: second\n\n')
    expect((await soon(reader.read())).done).toBe(true)
    expect(outcomes).toMatchObject([{ kind: 'completed', status: 200 }])
  })

  test('leaves alone what is marked streaming()', async () => {
    const page = source()
    const { app } = scene((c) => streaming(c.body(page.stream)))
    const reply = app.request('/')
    const response = await soon(reply)
    page.write('first')
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
    expect((await soon(reader.read())).value).toBe('first')
    page.end()
    expect((await soon(reader.read())).done).toBe(true)
  })

  test.each([
    ['text', (c: Context) => c.text('hello'), 'hello'],
    ['json', (c: Context) => c.json({ hello: 1 }), '{"hello":1}'],
    ['nothing', (c: Context) => c.body(null, 204), ''],
    ['a redirect', (c: Context) => c.redirect('/there'), ''],
  ])('%s is sent as ever', async (_, handler, body) => {
    const { app, clock, outcomes } = scene(handler)
    const seen = await read(await soon(app.request('/')))
    expect(seen.body).toBe(body)
    expect(Object.fromEntries(seen.headers)).toMatchObject({ 'x-before': '1', 'x-after': '1' })
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'completed', status: seen.status }])
  })
})

describe('streamIdleMs', () => {
  test('breaks a stream whose source dries up, after the headers of everybody have been sent', async () => {
    const page = source()
    const { clock, options, outcomes } = observed({ streamIdleMs: 50 })
    const app = new Hono()
    app.use(cors())
    app.use(curfew(options))
    app.get('/', (c) => c.body(page.stream, 200, { 'x-inner': '1' }))
    const response = await soon(app.request('/'))
    expect(response.headers.get('access-control-allow-origin')).toBe('*')
    expect(response.headers.get('x-inner')).toBe('1')
    const reader = response.body!.getReader()
    page.write('first')
    expect((await soon(reader.read())).done).toBe(false)
    const rest = reader.read().catch((error: unknown) => error)
    await clock.advance(50)
    expect(await soon(rest)).toMatchObject({ code: 'STREAM_TIMEOUT', limit: 'idle', timeoutMs: 50 })
    expect(page.cancelled).toHaveLength(1)
    expect(outcomes).toMatchObject([{ kind: 'timed-out', phase: 'streaming', status: 200 }])
  })
})
