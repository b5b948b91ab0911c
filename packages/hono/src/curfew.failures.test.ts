import { type Context, Hono } from 'hono'
import { cors } from 'hono/cors'
import { HTTPException } from 'hono/http-exception'
import { requestId } from 'hono/request-id'
import { describe, expect, test, vi } from 'vitest'
import { observed, raise, read, soon, thrownBy } from '../test/support.ts'
import { curfew } from './index.ts'

describe('an error', () => {
  test.each([
    ['at once', () => raise],
    ['later', () => async (error: unknown) => raise(error)],
  ])(
    'thrown %s goes to onError once, with c, and is recorded as failed with what was answered',
    async (_, how) => {
      const { clock, options, outcomes, late } = observed()
      const boom = new Error('boom')
      const calls: unknown[][] = []
      const contexts: Context[] = []
      const app = new Hono()
      app.onError((error, c) => {
        calls.push([error, c])
        return c.json({ error: error.message }, 500, { 'x-error': '1' })
      })
      app.use(requestId({ generator: () => 'id-1' }))
      app.use(curfew(options))
      app.get('/', (c) => {
        contexts.push(c)
        return how()(boom)
      })
      expect(await read(await soon(app.request('/')))).toEqual({
        status: 500,
        headers: [
          ['content-type', 'application/json'],
          ['x-error', '1'],
          ['x-request-id', 'id-1'],
        ],
        body: '{"error":"boom"}',
      })
      await clock.advance(0)
      expect(calls).toHaveLength(1)
      expect(calls[0]![0]).toBe(boom)
      expect(calls[0]![1]).toBe(contexts[0])
      expect(outcomes).toEqual([
        { kind: 'failed', phase: 'handling', status: 500, elapsedMs: 0, error: boom },
      ])
      expect(outcomes[0]).toHaveProperty('error', boom)
      expect(late).toEqual([])
    },
  )

  test('of inner middleware, before and after its handler, goes the same way', async () => {
    for (const after of [false, true]) {
      const { clock, options, outcomes } = observed()
      const boom = new Error('boom')
      const onError = vi.fn((_: Error, c: Context) => c.text('no', 500))
      const app = new Hono()
      app.onError(onError)
      app.use(curfew(options))
      app.use(async (_, next) => {
        if (after) await next()
        throw boom
      })
      app.get('/', (c) => c.text('hello'))
      expect(await read(await soon(app.request('/')))).toMatchObject({ status: 500, body: 'no' })
      await clock.advance(0)
      expect(onError).toHaveBeenCalledTimes(1)
      expect(outcomes).toMatchObject([{ kind: 'failed', error: boom }])
    }
  })

  test('of an upstream that was reset is a failure, for the client is there', async () => {
    const { clock, options, outcomes } = observed()
    const reset = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })
    const app = new Hono()
    app.onError((_, c) => c.text('bad gateway', 502))
    app.use(curfew(options))
    app.get('/', async () => raise(reset))
    expect((await soon(app.request('/'))).status).toBe(502)
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'failed', status: 502, error: reset }])
  })

  test('of a sub-app goes to its own onError, and is recorded as failed', async () => {
    const { clock, options, outcomes } = observed()
    const boom = new Error('boom')
    const onError = vi.fn((_: Error, c: Context) => c.text('no', 500))
    const app = new Hono()
    app.onError(onError)
    app.use(curfew(options))
    app.route(
      '/sub',
      new Hono().onError((_, c) => c.text('sub', 502)).get('/', () => raise(boom)),
    )
    expect(await read(await soon(app.request('/sub')))).toMatchObject({ status: 502, body: 'sub' })
    await clock.advance(0)
    expect(onError).not.toHaveBeenCalled()
    expect(outcomes).toEqual([{ kind: 'failed', phase: 'handling', status: 502, elapsedMs: 0, error: boom }])
  })

  test('that onError answers below 500 is completed', async () => {
    const { clock, options, outcomes } = observed()
    const app = new Hono()
    app.onError((_, c) => c.text('bad input', 400))
    app.use(curfew(options))
    app.get('/', () => raise(new Error('boom')))
    expect(await read(await soon(app.request('/')))).toMatchObject({ status: 400, body: 'bad input' })
    await clock.advance(0)
    expect(outcomes).toEqual([{ kind: 'completed', status: 400, elapsedMs: 0 }])
  })

  test('after which inner middleware makes another response below 500 is completed', async () => {
    const { clock, options, outcomes } = observed()
    const app = new Hono()
    app.onError((_, c) => c.text('no', 500))
    app.use(curfew(options))
    app.use(async (c, next) => {
      await next()
      if (c.error) {
        c.res = undefined
        c.res = c.text('fallback')
      }
    })
    app.get('/', () => raise(new Error('boom')))
    expect(await read(await soon(app.request('/')))).toMatchObject({ status: 200, body: 'fallback' })
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'completed', status: 200 }])
  })

  test('a 500 that a handler returns, with nothing thrown, is completed', async () => {
    const { clock, options, outcomes } = observed()
    const app = new Hono()
    app.use(curfew(options))
    app.get('/', (c) => c.text('no', 500))
    expect((await soon(app.request('/'))).status).toBe(500)
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'completed', status: 500 }])
  })

  const exceptions: [name: string, make: () => HTTPException, status: number, body: string, kind: string][] =
    [
      ['404', () => new HTTPException(404, { message: 'nothing' }), 404, 'nothing', 'completed'],
      ['503', () => new HTTPException(503, { message: 'busy' }), 503, 'busy', 'failed'],
      [
        '401 with a response of its own',
        () =>
          new HTTPException(401, { res: new Response('who', { headers: { 'www-authenticate': 'Own' } }) }),
        401,
        'who',
        'completed',
      ],
    ]

  test.each(exceptions)(
    'HTTPException %s is answered with its response',
    async (_, make, status, body, kind) => {
      const { clock, options, outcomes } = observed()
      const exception = make()
      const app = new Hono()
      app.use(cors())
      app.use(curfew(options))
      app.get('/', async () => raise(exception))
      const response = await soon(app.request('/'))
      expect(response.headers.get('access-control-allow-origin')).toBe('*')
      expect(response.headers.get('www-authenticate')).toBe(
        exception.res?.headers.get('www-authenticate') ?? null,
      )
      expect(await read(response)).toMatchObject({ status, body })
      await clock.advance(0)
      expect(outcomes).toMatchObject([{ kind, status }])
      if (kind === 'failed') expect(outcomes[0]).toHaveProperty('error', exception)
    },
  )

  test('that onError itself throws comes out of the app, and is what is recorded', async () => {
    const { clock, options, outcomes } = observed()
    const second = new Error('second')
    const app = new Hono()
    app.onError(() => raise(second))
    app.use(curfew(options))
    app.get('/', async () => raise(new Error('first')))
    expect(await thrownBy(() => app.request('/'))).toBe(second)
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'failed', status: 500, error: second }])
  })

  test('that is no Error comes out of the app, and is recorded', async () => {
    for (const value of ['boom', undefined, null, 0, { boom: true }]) {
      const { clock, options, outcomes } = observed()
      const onError = vi.fn((_: Error, c: Context) => c.text('no', 500))
      const app = new Hono()
      app.onError(onError)
      app.use(curfew(options))
      app.get('/', () => raise(value))
      expect(await thrownBy(() => app.request('/'))).toBe(value)
      await clock.advance(0)
      expect(onError).not.toHaveBeenCalled()
      expect(outcomes).toEqual([
        { kind: 'failed', phase: 'handling', status: 500, elapsedMs: 0, error: value },
      ])
    }
  })

  test('that is no Error can be caught by outer middleware', async () => {
    const { options } = observed()
    const app = new Hono()
    app.use(async (c, next) => {
      try {
        await next()
      } catch (error) {
        return c.text(`caught ${error}`, 500)
      }
    })
    app.use(curfew(options))
    app.get('/', () => raise('boom'))
    expect(await read(await soon(app.request('/')))).toMatchObject({ status: 500, body: 'caught boom' })
  })
})

describe('rethrow: false', () => {
  test('answers by itself what onError does not, with what was set before', async () => {
    const { clock, options, outcomes } = observed({ rethrow: false })
    const app = new Hono()
    app.use(cors())
    app.use(requestId({ generator: () => 'id-1' }))
    app.use(curfew(options))
    app.get('/', (c) => {
      c.status(201)
      c.header('x-inner', 'secret')
      return raise('boom')
    })
    expect(await read(await soon(app.request('/')))).toEqual({
      status: 500,
      headers: [
        ['access-control-allow-origin', '*'],
        ['content-type', 'application/problem+json'],
        ['x-request-id', 'id-1'],
      ],
      body: '{"type":"about:blank","title":"Internal Server Error","status":500,"code":"HANDLER_FAILED"}',
    })
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'failed', status: 500, error: 'boom' }])
  })

  test('answers when onError throws', async () => {
    const { options } = observed({ rethrow: false, failureResponse: 'sorry' })
    const app = new Hono()
    app.onError(() => raise(new Error('second')))
    app.use(curfew(options))
    app.get('/', () => raise(new Error('first')))
    expect(await read(await soon(app.request('/')))).toMatchObject({ status: 500, body: 'sorry' })
  })

  test('leaves to onError what onError answers', async () => {
    const { clock, options, outcomes } = observed({ rethrow: false })
    const boom = new Error('boom')
    const app = new Hono()
    app.onError((_, c) => c.text('from onError', 500))
    app.use(curfew(options))
    app.get('/', () => raise(boom))
    expect(await read(await soon(app.request('/')))).toMatchObject({ status: 500, body: 'from onError' })
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'failed', status: 500, error: boom }])
  })

  test.each([302, 403, 502])('a thrown Response of %i is sent, with what was set before', async (status) => {
    const { clock, options, outcomes } = observed({ rethrow: false })
    const app = new Hono()
    app.use(cors())
    app.use(requestId({ generator: () => 'id-1' }))
    app.use(curfew(options))
    app.get('/', () => raise(new Response('thrown', { status, headers: { 'x-own': '1' } })))
    expect(await read(await soon(app.request('/')))).toEqual({
      status,
      headers: [
        ['access-control-allow-origin', '*'],
        ['content-type', 'text/plain;charset=UTF-8'],
        ['x-own', '1'],
        ['x-request-id', 'id-1'],
      ],
      body: 'thrown',
    })
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: status < 500 ? 'completed' : 'failed', status }])
  })
})

test('a handler that forgets to answer is recorded as failed, and Hono says what is wrong', async () => {
  const { options, outcomes, clock } = observed()
  const errors: string[] = []
  const app = new Hono()
  app.onError((error, c) => {
    errors.push(error.message)
    return c.text('oops', 500)
  })
  app.use(curfew(options))
  app.get('/', ((c: Context) => void c.text('not returned')) as never)
  expect((await soon(app.request('/'))).status).toBe(500)
  await clock.advance(0)
  expect(errors).toEqual([expect.stringContaining('Did you forget to return a Response')])
  expect(outcomes).toMatchObject([{ kind: 'failed', error: { code: 'NO_RESPONSE' } }])
})

test.each([[5000], [null], [[]], ['5s']])('curfew(%j) is refused by name and value', (options) => {
  expect(() => curfew(options as never)).toThrow(/Invalid option options: expected an object, got/)
})
