import { Hono } from 'hono'
import { describe, expect, test } from 'vitest'
import { deferred, never, observed, read, soon } from '../test/support.ts'
import { curfew } from './index.ts'

describe('a curfew() under a curfew()', () => {
  test('may give its route more time', async () => {
    const { clock, options, outcomes } = observed()
    const inner = observed({ timeoutMs: 500, clock })
    const work = deferred<Response>()
    const app = new Hono()
    app.use(curfew(options))
    app.get('/slow', curfew(inner.options), () => work.promise)
    app.get('/other', never)
    const slow = app.request('/slow')
    const other = app.request('/other')
    await clock.advance(499)
    expect((await soon(other)).status).toBe(503)
    work.resolve(new Response('done'))
    expect(await (await soon(slow)).text()).toBe('done')
    await clock.advance(0)
    expect(outcomes.map(({ kind, elapsedMs }) => [kind, elapsedMs])).toEqual([
      ['timed-out', 100],
      ['completed', 499],
    ])
    expect(inner.outcomes).toEqual([outcomes[1]])
  })

  test('may give its route less time, and its own reply', async () => {
    const { clock, options, outcomes } = observed()
    const app = new Hono()
    app.use(curfew(options))
    app.get('/', curfew({ timeoutMs: 30, timeoutStatus: 504, timeoutResponse: 'too slow' }), never)
    const reply = app.request('/')
    await clock.advance(30)
    expect(await read(await soon(reply))).toMatchObject({ status: 504, body: 'too slow' })
    expect(outcomes).toEqual([
      { kind: 'timed-out', phase: 'handling', status: 504, elapsedMs: 30, timeoutMs: 30, lateMs: 0 },
    ])
  })

  test('without a timeoutMs of its own leaves the deadline where it is', async () => {
    const { clock, options, outcomes } = observed()
    const app = new Hono()
    app.use(curfew(options))
    app.get('/', curfew({ buffer: true }), never)
    void app.request('/')
    await clock.advance(100)
    expect(outcomes).toMatchObject([{ kind: 'timed-out', timeoutMs: 100 }])
  })

  test('counts its own part of the requests', async () => {
    const { clock, options } = observed()
    const outer = curfew(options)
    const inner = curfew()
    const app = new Hono()
    app.use(outer)
    app.get('/inner', inner, (c) => c.text('hello'))
    app.get('/outer', (c) => c.text('hello'))
    for (const path of ['/inner', '/outer', '/outer']) await soon(app.request(path))
    await clock.advance(0)
    expect(outer.stats).toMatchObject({ active: 0, outcomes: { completed: 3 } })
    expect(inner.stats).toMatchObject({ active: 0, outcomes: { completed: 1 } })
  })

  test('is still the same race after a body limit has replaced c.req.raw', async () => {
    const { clock, options, outcomes } = observed()
    const inner = observed({ timeoutMs: 500, clock })
    const work = deferred<Response>()
    const app = new Hono()
    app.use(curfew(options))
    app.use(async (c, next) => {
      c.req.raw = new Request(c.req.raw, { headers: { 'x-replaced': '1' } })
      await next()
    })
    app.get('/', curfew(inner.options), () => work.promise)
    const reply = app.request('/')
    await clock.advance(200)
    work.resolve(new Response('done'))
    expect(await read(await soon(reply))).toMatchObject({ status: 200, body: 'done' })
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'completed', elapsedMs: 200 }])
    expect(inner.outcomes).toEqual(outcomes)
  })
})
