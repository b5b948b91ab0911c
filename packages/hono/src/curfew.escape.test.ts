import { type Context, Hono } from 'hono'
import { cors } from 'hono/cors'
import { HTTPException } from 'hono/http-exception'
import { describe, expect, test } from 'vitest'
import { deferred, never, observed, read, soon, thrownBy } from '../test/support.ts'
import { curfew, scopeOf } from './index.ts'

const boom = new Error('boom')

describe('an error that escapes from a handler', () => {
  test('goes to onError once, which answers without anything of the handler', async () => {
    const { clock, options, outcomes, late } = observed()
    const calls: unknown[] = []
    const work = deferred<void>()
    let scope: ReturnType<typeof scopeOf> | undefined
    const app = new Hono()
    app.use(cors())
    app.use(curfew(options))
    app.onError((error, c) => {
      calls.push(error)
      return c.json({ sorry: true }, 503)
    })
    app.get('/', async (c) => {
      scope = scopeOf(c)
      c.header('x-secret', 'of the handler')
      c.status(201)
      await work.promise
      c.header('x-late', '1')
      throw new Error('late')
    })
    const reply = app.request('/', { headers: { origin: 'http://a' } })
    await clock.advance(5)
    scope!.escaped(boom)
    const response = await soon(reply)
    expect(await read(response)).toMatchObject({ status: 503, body: '{"sorry":true}' })
    expect(response.headers.get('access-control-allow-origin')).toBe('*')
    expect(response.headers.has('x-secret')).toBe(false)
    work.resolve()
    await clock.advance(0)
    expect(response.headers.has('x-late')).toBe(false)
    expect(calls).toEqual([boom])
    expect(outcomes).toMatchObject([{ kind: 'failed', escaped: true, error: boom, elapsedMs: 5 }])
    expect(late).toMatchObject([{ kind: 'failed', error: { message: 'late' } }])
    expect(scope!.signal.reason).toMatchObject({ code: 'ESCAPED', cause: boom })
  })

  test('may say how it is to be answered', async () => {
    const { options } = observed()
    let c: Context | undefined
    const app = new Hono()
    app.use(curfew(options))
    app.get('/', (own) => {
      c = own
      return never()
    })
    const reply = app.request('/')
    scopeOf(c!).escaped(new HTTPException(418, { message: 'a teapot' }))
    expect(await read(await soon(reply))).toMatchObject({ status: 418, body: 'a teapot' })
  })

  test('is thrown as it is where it is no error, as from the handler', async () => {
    const { options } = observed()
    let c: Context | undefined
    const app = new Hono()
    app.use(curfew(options))
    app.get('/', (own) => {
      c = own
      return never()
    })
    const thrown = thrownBy(() => app.request('/'))
    scopeOf(c!).escaped('boom')
    expect(await thrown).toBe('boom')
  })

  test('is answered here with rethrow: false', async () => {
    const { clock, options } = observed({ rethrow: false })
    let c: Context | undefined
    const app = new Hono()
    app.use(cors())
    app.use(curfew(options))
    app.get('/', (own) => {
      c = own
      own.header('x-secret', 'of the handler')
      return never()
    })
    const reply = app.request('/')
    await clock.advance(0)
    scopeOf(c!).escaped(boom)
    const response = await soon(reply)
    expect(response.status).toBe(500)
    expect(response.headers.get('access-control-allow-origin')).toBe('*')
    expect(response.headers.has('x-secret')).toBe(false)
    expect(await response.json()).toMatchObject({ code: 'HANDLER_FAILED' })
  })

  test('ends the draining of its response', async () => {
    const { clock, options, outcomes } = observed({ buffer: true })
    let c: Context | undefined
    const app = new Hono()
    app.use(curfew(options))
    app.onError((_, own) => own.text('sorry', 500))
    app.get('/', (own) => {
      c = own
      return own.body(new ReadableStream(), 200, { 'x-secret': 'of the handler' })
    })
    const reply = app.request('/')
    await clock.advance(0)
    scopeOf(c!).escaped(boom)
    const response = await soon(reply)
    expect(await read(response)).toMatchObject({ status: 500, body: 'sorry' })
    expect(response.headers.has('x-secret')).toBe(false)
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'failed', escaped: true }])
  })
})
