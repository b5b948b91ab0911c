import { NotGuardedError, type Scope } from '@curfew/core'
import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { describe, expect, test } from 'vitest'
import { deferred, never, observed, read, soon } from '../test/support.ts'
import { curfew, deadline, scopeOf } from './index.ts'

describe('scopeOf()', () => {
  test('gives one and the same scope to all that is inside', async () => {
    const { options } = observed()
    const scopes: Scope[] = []
    const app = new Hono()
    app.use(curfew(options))
    app.use(async (c, next) => {
      scopes.push(scopeOf(c))
      await next()
      scopes.push(scopeOf(c))
    })
    app.get('/', curfew(), deadline(500), async (c) => {
      scopes.push(scopeOf(c))
      await Promise.resolve()
      scopes.push(scopeOf(c))
      return c.text('hello')
    })
    await soon(app.request('/'))
    expect(scopes).toHaveLength(4)
    expect(new Set(scopes).size).toBe(1)
  })

  test('throws a NotGuardedError that names the request where there is no guard', async () => {
    const app = new Hono()
    app.onError((error, c) => {
      expect(error).toBeInstanceOf(NotGuardedError)
      return c.text(error.message, 500)
    })
    app.get('/path', (c) => c.text(String(scopeOf(c))))
    const { status, body } = await read(await soon(app.request('/path')))
    expect(status).toBe(500)
    expect(body).toContain('GET http://localhost/path')
  })

  test('throws in middleware that runs before the guard', async () => {
    let thrown: unknown
    const app = new Hono()
    app.use(async (c, next) => {
      try {
        scopeOf(c)
      } catch (error) {
        thrown = error
      }
      await next()
    })
    app.use(curfew())
    app.get('/', (c) => c.text('hello'))
    await soon(app.request('/'))
    expect(thrown).toBeInstanceOf(NotGuardedError)
  })

  test('tells middleware around the guard how the request ended', async () => {
    const { clock, options } = observed()
    const kinds: unknown[] = []
    const app = new Hono()
    app.use(async (c, next) => {
      await next()
      kinds.push(scopeOf(c).outcome?.kind)
    })
    app.use(curfew(options))
    app.get('/fast', async (c) => c.text('hello'))
    app.get('/slow', never)
    await soon(app.request('/fast'))
    const slow = app.request('/slow')
    await clock.advance(100)
    await soon(slow)
    expect(kinds).toEqual(['completed', 'timed-out'])
  })

  test('works after bodyLimit() has put another Request into c.req.raw', async () => {
    const { clock, options, outcomes } = observed()
    const requests: Request[] = []
    let reason: unknown
    const app = new Hono()
    app.use(async (c, next) => {
      requests.push(c.req.raw)
      await next()
    })
    app.use(curfew(options))
    app.post('/', bodyLimit({ maxSize: 1_000 }), deadline(200), async (c) => {
      requests.push(c.req.raw)
      expect(await c.req.text()).toBe('hello')
      const { signal } = scopeOf(c)
      signal.addEventListener('abort', () => {
        reason = signal.reason
      })
      return never()
    })
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode('hello'))
        controller.close()
      },
    })
    const init = { method: 'POST', body, duplex: 'half' } as RequestInit
    const reply = app.request(new Request('http://localhost/', init))
    await clock.advance(200)
    expect((await soon(reply)).status).toBe(503)
    expect(requests).toHaveLength(2)
    expect(requests[1]).not.toBe(requests[0])
    expect(reason).toMatchObject({ code: 'HANDLER_TIMEOUT' })
    expect(outcomes).toMatchObject([{ kind: 'timed-out', elapsedMs: 200 }])
  })

  test('in a request that a handler makes to its own app is the one of that request', async () => {
    const { clock, options, outcomes } = observed()
    const scopes: Record<string, Scope> = {}
    const app = new Hono()
    app.use(curfew(options))
    app.get('/outer', async (c) => {
      scopes.before = scopeOf(c)
      const inner = await app.request('/inner')
      scopes.after = scopeOf(c)
      c.header('x-outer', '1')
      return c.text(`${await inner.text()} and outer`)
    })
    app.get('/inner', async (c) => {
      await Promise.resolve()
      scopes.inner = scopeOf(c)
      c.header('x-inner', '1')
      return c.text('inner')
    })
    const response = await soon(app.request('/outer'))
    await clock.advance(0)
    expect(response.headers.get('x-outer')).toBe('1')
    expect(response.headers.get('x-inner')).toBeNull()
    expect(await response.text()).toBe('inner and outer')
    expect(scopes.after).toBe(scopes.before)
    expect(scopes.inner).not.toBe(scopes.before)
    expect(scopes.inner?.request.url).toBe('http://localhost/inner')
    expect(outcomes).toHaveLength(2)
  })

  test('a request within a request can time out alone', async () => {
    const { clock, options, outcomes } = observed()
    const app = new Hono()
    app.use(curfew(options))
    app.get('/outer', deadline(500), async (c) => {
      c.header('x-outer', 'before')
      const inner = await app.request('/inner')
      c.header('x-outer', 'after')
      return c.text(`inner said ${inner.status}`)
    })
    const hand = deferred()
    app.get('/inner', async (c) => {
      await hand.promise
      c.header('x-inner', '1')
      throw new Error('late')
    })
    const reply = app.request('/outer')
    await clock.advance(100)
    hand.resolve()
    const response = await soon(reply)
    await clock.advance(0)
    expect(await response.text()).toBe('inner said 503')
    expect(response.headers.get('x-outer')).toBe('after')
    expect(outcomes.map(({ kind, elapsedMs }) => [kind, elapsedMs])).toEqual([
      ['timed-out', 100],
      ['completed', 100],
    ])
  })

  test('the outer one of two requests can be abandoned: its writes from inside the inner one are late, too', async () => {
    const { clock, options } = observed()
    const outside = deferred()
    const hand = deferred()
    const app = new Hono()
    app.use('/outer', async (_, next) => {
      await next()
      await outside.promise
    })
    app.use(curfew(options))
    app.get('/outer', async (c) => {
      const inner = new Hono()
      inner.use(curfew({ timeoutMs: 1_000, clock }))
      inner.get('/', async () => {
        await hand.promise
        c.header('x-late', '1')
        return new Response('inner')
      })
      return inner.request('/')
    })
    const reply = app.request('/outer')
    await clock.advance(100)
    hand.resolve()
    await clock.advance(0)
    outside.resolve()
    const response = await soon(reply)
    expect(response.status).toBe(503)
    expect(response.headers.get('x-late')).toBeNull()
  })

  test('waitUntil() lets work go on after the response', async () => {
    const waited: Promise<unknown>[] = []
    const { options } = observed({ waitUntil: (promise) => void waited.push(promise) })
    const work = deferred<string>()
    const app = new Hono()
    app.use(curfew(options))
    app.get('/', (c) => {
      scopeOf(c).waitUntil(work.promise)
      return c.text('hello')
    })
    expect(await (await soon(app.request('/'))).text()).toBe('hello')
    expect(waited).toHaveLength(1)
    work.resolve('done')
    expect(await waited[0]).toBe('done')
  })
})
