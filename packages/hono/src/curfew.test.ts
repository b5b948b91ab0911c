import { ClientClosedError, type GuardOptions, HandlerTimeoutError, InvalidOptionError } from '@curfew/core'
import { type Context, Hono } from 'hono'
import { setCookie } from 'hono/cookie'
import { cors } from 'hono/cors'
import { requestId } from 'hono/request-id'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { deferred, never, observed, raise, read, soon, timeoutReply } from '../test/support.ts'
import { curfew, scopeOf } from './index.ts'

afterEach(() => vi.restoreAllMocks())

describe('a handler in time', () => {
  test.each([
    ['synchronous', (c: Context) => c.text('hello', 201)],
    ['asynchronous', async (c: Context) => c.text('hello', 201)],
  ])('has its %s response sent and recorded as completed', async (_, handler) => {
    const { clock, options, outcomes, late } = observed()
    const guard = curfew(options)
    const app = new Hono()
    app.use(guard)
    app.get('/', handler)
    expect(await read(await soon(app.request('/')))).toEqual({
      status: 201,
      headers: [['content-type', 'text/plain; charset=UTF-8']],
      body: 'hello',
    })
    await clock.advance(1_000)
    expect(outcomes).toEqual([{ kind: 'completed', status: 201, elapsedMs: 0 }])
    expect(late).toEqual([])
    expect(guard.stats).toMatchObject({ active: 0, abandoned: 0, outcomes: { completed: 1 } })
    expect(clock.pending).toBe(0)
  })

  test('wins a millisecond before the deadline', async () => {
    const { clock, options, outcomes } = observed()
    const work = deferred<Response>()
    const app = new Hono()
    app.use(curfew(options))
    app.get('/', () => work.promise)
    const reply = app.request('/')
    await clock.advance(99)
    work.resolve(new Response('just in time'))
    expect(await (await soon(reply)).text()).toBe('just in time')
    await clock.advance(100)
    expect(outcomes).toEqual([{ kind: 'completed', status: 200, elapsedMs: 99 }])
  })

  test('has its writes to c in the response, and none of them counts as late', async () => {
    const { clock, options } = observed()
    const guard = curfew(options)
    const app = new Hono<{ Variables: { user: string } }>()
    let user: string | undefined
    app.use(async (c, next) => {
      c.header('x-outer', '1')
      await next()
      user = c.get('user')
    })
    app.use(guard)
    app.get('/', async (c) => {
      c.status(202)
      c.set('user', 'me')
      setCookie(c, 'a', '1')
      setCookie(c, 'b', '2')
      c.res.headers.set('x-inner', '1')
      return c.body('hello')
    })
    const response = await soon(app.request('/'))
    await clock.advance(0)
    expect(await read(response)).toEqual({
      status: 202,
      headers: [
        ['content-type', 'text/plain;charset=UTF-8'],
        ['set-cookie', 'a=1; Path=/'],
        ['set-cookie', 'b=2; Path=/'],
        ['x-inner', '1'],
        ['x-outer', '1'],
      ],
      body: 'hello',
    })
    expect(user).toBe('me')
    expect(guard.stats.lateWrites).toBe(0)
  })

  test('may have no route: notFound is completed with 404', async () => {
    const { clock, options, outcomes } = observed()
    const app = new Hono()
    app.use(curfew(options))
    app.notFound((c) => c.text('nowhere', 404, { 'x-not-found': '1' }))
    const { status, body } = await read(await soon(app.request('/nowhere')))
    expect({ status, body }).toEqual({ status: 404, body: 'nowhere' })
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'completed', status: 404 }])
  })

  test('a notFound that is too slow is timed out like a handler', async () => {
    const { clock, options, outcomes } = observed()
    const app = new Hono()
    app.use(curfew(options))
    app.notFound(never)
    const reply = app.request('/nowhere')
    await clock.advance(100)
    expect(await read(await soon(reply))).toEqual(timeoutReply)
    expect(outcomes).toMatchObject([{ kind: 'timed-out' }])
  })

  test('an OPTIONS answered by cors() further in keeps its headers and its 204', async () => {
    const { clock, options, outcomes } = observed()
    const app = new Hono()
    app.use(curfew(options))
    app.use(cors({ origin: 'http://example.test', maxAge: 600 }))
    const response = await soon(
      app.request('/', { method: 'OPTIONS', headers: { origin: 'http://example.test' } }),
    )
    expect(response.status).toBe(204)
    expect(response.headers.get('access-control-allow-origin')).toBe('http://example.test')
    expect(response.headers.get('access-control-max-age')).toBe('600')
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'completed', status: 204 }])
  })
})

describe('a handler that is too slow', () => {
  test('is answered for at the deadline', async () => {
    const { clock, options, outcomes } = observed({ timeoutMs: 5_000 })
    const guard = curfew(options)
    const app = new Hono()
    app.use(guard)
    app.get('/', never)
    let settled = false
    const reply = Promise.resolve(app.request('/')).finally(() => {
      settled = true
    })
    await clock.advance(4_999)
    expect(settled).toBe(false)
    await clock.advance(1)
    expect(await read(await soon(reply))).toEqual(timeoutReply)
    expect(outcomes).toEqual([
      { kind: 'timed-out', phase: 'handling', status: 503, elapsedMs: 5_000, timeoutMs: 5_000, lateMs: 0 },
    ])
    expect(guard.stats).toMatchObject({ active: 0, abandoned: 1 })
    expect(clock.pending).toBe(0)
  })

  test('has 30 seconds unless it is told otherwise', async () => {
    const { clock, options, outcomes } = observed({ timeoutMs: undefined as never })
    const app = new Hono()
    app.use(curfew(options))
    app.get('/', never)
    void app.request('/')
    await clock.advance(29_999)
    expect(outcomes).toEqual([])
    await clock.advance(1)
    expect(outcomes).toMatchObject([{ kind: 'timed-out', timeoutMs: 30_000 }])
  })

  test('is answered for as timeoutStatus and timeoutResponse say', async () => {
    const timeoutResponse = vi.fn(() => ({ slow: true }))
    const { clock, options } = observed({ timeoutStatus: 504, timeoutResponse })
    const app = new Hono()
    app.use(curfew(options))
    app.get('/', never)
    const reply = app.request('/')
    await clock.advance(100)
    expect(await read(await soon(reply))).toEqual({
      status: 504,
      headers: [['content-type', 'application/json']],
      body: '{"slow":true}',
    })
    expect(timeoutResponse).toHaveBeenCalledTimes(1)
  })

  test('does not run onError, and c.error is not set', async () => {
    const { clock, options } = observed()
    const onError = vi.fn((_: Error, c: Context) => c.text('no', 500))
    const errors: unknown[] = []
    const app = new Hono()
    app.onError(onError)
    app.use(async (c, next) => {
      await next()
      errors.push(c.error)
    })
    app.use(curfew(options))
    app.get('/', never)
    const reply = app.request('/')
    await clock.advance(100)
    await soon(reply)
    expect(onError).not.toHaveBeenCalled()
    expect(errors).toEqual([undefined])
  })

  test('only the routes that the middleware is for have a deadline', async () => {
    const { clock, options, outcomes } = observed()
    const free = deferred<Response>()
    const app = new Hono()
    app.use('/api/*', curfew(options))
    app.get('/api/slow', never)
    app.get('/free', () => free.promise)
    const guarded = app.request('/api/slow')
    const unguarded = app.request('/free')
    await clock.advance(100_000)
    expect((await soon(guarded)).status).toBe(503)
    free.resolve(new Response('free'))
    expect(await (await soon(unguarded)).text()).toBe('free')
    expect(outcomes).toHaveLength(1)
  })

  test('two guards for two routes have limits and replies of their own', async () => {
    const first = observed({ timeoutMs: 100, timeoutResponse: 'first' })
    const second = observed({ timeoutMs: 200, timeoutStatus: 408, clock: first.clock })
    const app = new Hono()
    app.get('/first', curfew(first.options), never)
    app.get('/second', curfew(second.options), never)
    const replies = [app.request('/first'), app.request('/second')]
    await first.clock.advance(200)
    expect(await read(await soon(replies[0]!))).toMatchObject({ status: 503, body: 'first' })
    expect(await read(await soon(replies[1]!))).toMatchObject({ status: 408 })
    expect(first.outcomes).toMatchObject([{ elapsedMs: 100 }])
    expect(second.outcomes).toMatchObject([{ elapsedMs: 200 }])
  })

  test('in a mounted app is timed out as well, and its request has the signal', async () => {
    const { clock, options } = observed()
    let signal: AbortSignal | undefined
    const app = new Hono()
    app.use(curfew(options))
    app.mount('/mounted', (request: Request) => {
      signal = request.signal
      return never()
    })
    const reply = app.request('/mounted/path')
    await clock.advance(100)
    expect(await read(await soon(reply))).toEqual(timeoutReply)
    expect(signal?.aborted).toBe(true)
    expect(signal?.reason).toBeInstanceOf(HandlerTimeoutError)
  })

  test('in a sub-app, whose guard is its own, is timed out', async () => {
    const { clock, options, outcomes } = observed()
    const sub = new Hono()
    sub.use(curfew(options))
    sub.onError((_, c) => c.text('sub', 500))
    sub.get('/slow', never)
    const app = new Hono()
    app.use(cors())
    app.route('/sub', sub)
    const reply = app.request('/sub/slow')
    await clock.advance(100)
    expect(await read(await soon(reply))).toEqual({
      ...timeoutReply,
      headers: [['access-control-allow-origin', '*'], ...timeoutReply.headers],
    })
    expect(outcomes).toHaveLength(1)
  })
})

describe('the signal', () => {
  test('c.req.raw.signal is the one of the scope, and aborts with a HandlerTimeoutError at the deadline', async () => {
    const { clock, options } = observed()
    let c!: Context
    const app = new Hono()
    app.use(curfew(options))
    app.get('/', (own) => {
      c = own
      expect(own.req.raw.signal).toBe(scopeOf(own).signal)
      return never()
    })
    void app.request('/')
    await clock.advance(99)
    expect(c.req.raw.signal.aborted).toBe(false)
    await clock.advance(1)
    expect(c.req.raw.signal.aborted).toBe(true)
    expect(c.req.raw.signal.reason).toBeInstanceOf(HandlerTimeoutError)
    expect(c.req.raw.signal.reason).toMatchObject({ name: 'TimeoutError', timeoutMs: 100 })
  })

  test('aborts with a ClientClosedError when the signal of the request itself aborts', async () => {
    const { clock, options, outcomes } = observed()
    const controller = new AbortController()
    let signal: AbortSignal | undefined
    const app = new Hono()
    app.use(curfew(options))
    app.get('/', (c) => {
      signal = c.req.raw.signal
      return never()
    })
    const reply = app.request(new Request('http://localhost/', { signal: controller.signal }))
    await clock.advance(5)
    controller.abort('a reason of its own')
    await clock.advance(0)
    expect(signal?.reason).toBeInstanceOf(ClientClosedError)
    const { status, body } = await soon(reply)
    expect({ status, body }).toEqual({ status: 499, body: null })
    expect(outcomes).toEqual([{ kind: 'client-closed', phase: 'handling', status: 499, elapsedMs: 5 }])
    expect(clock.pending).toBe(0)
  })

  test('a client that left is neither an error nor a timeout', async () => {
    const { clock, options, outcomes, late } = observed()
    const onError = vi.fn((_: Error, c: Context) => c.text('no', 500))
    const logged = vi.spyOn(console, 'error')
    const controller = new AbortController()
    const app = new Hono()
    app.onError(onError)
    app.use(curfew(options))
    app.get('/', (c) => {
      const { signal } = c.req.raw
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    })
    const reply = app.request(new Request('http://localhost/', { signal: controller.signal }))
    await clock.advance(20)
    controller.abort()
    await clock.advance(1_000)
    expect((await soon(reply)).status).toBe(499)
    expect(onError).not.toHaveBeenCalled()
    expect(logged).not.toHaveBeenCalled()
    expect(outcomes).toMatchObject([{ kind: 'client-closed' }])
    expect(late).toMatchObject([{ kind: 'cancelled' }])
  })

  test('is not aborted by an answer in time', async () => {
    const { clock, options } = observed()
    let signal: AbortSignal | undefined
    const app = new Hono()
    app.use(curfew(options))
    app.get('/', async (c) => {
      signal = c.req.raw.signal
      return c.text('hello')
    })
    await soon(app.request('/'))
    await clock.advance(1_000)
    expect(signal?.aborted).toBe(false)
  })
})

describe('a request that is not let in', () => {
  const refusals: [name: string, options: GuardOptions, status: number, reason: string][] = [
    ['whose own deadline is past', { inbound: () => 0 }, 504, 'expired'],
    ['at shutdown', { shutdown: AbortSignal.abort() }, 503, 'shutdown'],
  ]

  test.each(refusals)(
    '%s never reaches the handler, and is answered with what was set before',
    async (...row) => {
      const [, extra, status, reason] = row
      const { clock, options, outcomes } = observed(extra)
      const handler = vi.fn((c: Context) => c.text('hello'))
      const app = new Hono()
      app.use(requestId({ generator: () => 'id-1' }))
      app.use(async (c, next) => {
        await next()
        c.header('x-after', '1')
      })
      app.use(curfew(options))
      app.get('/', handler)
      const response = await soon(app.request('/'))
      expect(response.status).toBe(status)
      expect(response.headers.get('content-type')).toBe('application/problem+json')
      expect(response.headers.get('x-request-id')).toBe('id-1')
      expect(response.headers.get('x-after')).toBe('1')
      expect(handler).not.toHaveBeenCalled()
      await clock.advance(0)
      expect(outcomes).toMatchObject([{ kind: 'rejected', reason, status }])
    },
  )

  test('because too many handlers were abandoned is answered 503 with Retry-After, until one is back', async () => {
    const { clock, options, outcomes } = observed({ maxAbandoned: 1, retryAfterSeconds: 7 })
    const hand = deferred()
    const app = new Hono()
    app.use(cors())
    app.use(curfew(options))
    app.get('/slow', async (c) => {
      await hand.promise
      return c.text('late')
    })
    app.get('/fast', (c) => c.text('fast'))
    const slow = app.request('/slow')
    await clock.advance(100)
    expect((await soon(slow)).status).toBe(503)
    const shed = await soon(app.request('/fast'))
    expect(shed.status).toBe(503)
    expect(shed.headers.get('retry-after')).toBe('7')
    expect(shed.headers.get('access-control-allow-origin')).toBe('*')
    hand.resolve()
    await clock.advance(0)
    expect(await read(await soon(app.request('/fast')))).toMatchObject({ status: 200, body: 'fast' })
    await clock.advance(0)
    expect(outcomes.map(({ kind }) => kind)).toEqual(['timed-out', 'rejected', 'completed'])
  })

  test('a shutdown answers 503 for a handler at work, and isolates it', async () => {
    const controller = new AbortController()
    const { clock, options, outcomes } = observed({ shutdown: controller.signal })
    const hand = deferred()
    const app = new Hono()
    app.use(cors())
    app.use(curfew(options))
    app.get('/', async (c) => {
      c.header('x-inner', 'secret')
      await hand.promise
      c.header('x-late', '1')
      return c.text('late')
    })
    const reply = app.request('/')
    await clock.advance(50)
    controller.abort()
    await clock.advance(0)
    const response = await soon(reply)
    hand.resolve()
    await clock.advance(0)
    expect(await read(response)).toEqual({
      status: 503,
      headers: [
        ['access-control-allow-origin', '*'],
        ['content-type', 'application/problem+json'],
      ],
      body: '{"type":"about:blank","title":"Service Unavailable","status":503,"code":"SHUTDOWN"}',
    })
    expect(outcomes).toMatchObject([{ kind: 'failed', error: { code: 'SHUTDOWN' } }])
  })
})

describe('options', () => {
  const invalid: [option: string, value: unknown][] = [
    ['timeoutMs', Number.NaN],
    ['timeoutMs', 0],
    ['timeoutMs', -1],
    ['timeoutMs', '5000'],
    ['timeoutMs', null],
    ['timeoutMs', true],
    ['timeoutStatus', 99],
    ['timeoutStatus', 1_000],
    ['timeoutStatus', 200],
    ['timeoutResponse', 42],
    ['buffer', 'yes'],
    ['rethrow', 1],
    ['maxBytes', 0],
    ['overflow', 'drop'],
    ['onOutcome', 'log'],
    ['clock', {}],
    ['timeout', 5_000],
  ]

  test.each(invalid)('%s: %o is refused at once, by name', (option, value) => {
    let error: unknown
    try {
      curfew({ [option]: value })
    } catch (thrown) {
      error = thrown
    }
    expect(error).toBeInstanceOf(InvalidOptionError)
    expect(error).toMatchObject({ code: 'INVALID_OPTION', option })
    expect((error as Error).message).toContain(option)
    expect((error as Error).message).toContain(typeof value === 'object' && value ? 'Object' : String(value))
  })

  test.each<[number | false]>([[false], [Number.POSITIVE_INFINITY]])(
    'timeoutMs: %s means no deadline',
    async (timeoutMs) => {
      const { clock, options } = observed({ timeoutMs })
      const work = deferred<Response>()
      const app = new Hono()
      app.use(curfew(options))
      app.get('/', () => work.promise)
      const reply = app.request('/')
      await clock.advance(2 ** 31)
      work.resolve(new Response('at last'))
      expect(await (await soon(reply)).text()).toBe('at last')
    },
  )

  test('a hook that throws changes nothing of the reply', async () => {
    const logged = vi.spyOn(console, 'error').mockImplementation(() => {})
    const { clock, options } = observed({ onOutcome: () => raise(new Error('hook')) })
    const guard = curfew(options)
    const app = new Hono()
    app.use(guard)
    app.get('/', (c) => c.text('hello'))
    expect(await (await soon(app.request('/'))).text()).toBe('hello')
    await clock.advance(0)
    expect(guard.stats.hookFailures).toBe(1)
    expect(logged).toHaveBeenCalledTimes(1)
  })
})
