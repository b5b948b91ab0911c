import { HandlerTimeoutError } from '@curfew/core'
import { type Context, Hono } from 'hono'
import { describe, expect, test } from 'vitest'
import {
  deferred,
  never,
  observed,
  raise,
  read,
  soon,
  source,
  thrownBy,
  timeoutReply,
} from '../test/support.ts'
import { curfew, scopeOf } from './index.ts'

describe('an abandoned handler', () => {
  test('has the body of its late response cancelled with the reason', async () => {
    const { clock, options, late } = observed()
    const { stream, cancelled, write } = source()
    const hand = deferred()
    const app = new Hono()
    app.use(curfew(options))
    app.get('/', async (c) => {
      await hand.promise
      write('late')
      return c.body(stream)
    })
    const reply = app.request('/')
    await clock.advance(100)
    expect(await read(await soon(reply))).toEqual(timeoutReply)
    await clock.advance(50)
    hand.resolve()
    await clock.advance(0)
    expect(cancelled).toEqual([expect.any(HandlerTimeoutError)])
    expect(late).toMatchObject([{ kind: 'completed', outcome: { kind: 'timed-out' }, afterMs: 50 }])
  })

  test('is reported once with what it threw, which keeps its own stack', async () => {
    const { clock, options, late, outcomes } = observed()
    const hand = deferred()
    const guard = curfew(options)
    const app = new Hono()
    app.use(guard)
    app.use(curfew())
    app.route('/', new Hono().onError((_, c) => c.text('sub', 500)).get('/', forgetful))
    let error: unknown
    async function forgetful(): Promise<never> {
      await hand.promise
      error = new Error('late')
      throw error
    }
    const reply = app.request('/')
    await clock.advance(100)
    await soon(reply)
    expect(guard.stats).toMatchObject({ active: 0, abandoned: 1 })
    hand.resolve()
    await clock.advance(7)
    expect(late).toEqual([{ kind: 'failed', outcome: outcomes[0], afterMs: 0, error }])
    expect(late[0]!.error).toBe(error)
    expect((error as Error).stack).toContain('forgetful')
    expect(outcomes).toHaveLength(1)
    expect(guard.stats).toMatchObject({
      abandoned: 0,
      outcomes: { 'timed-out': 1 },
      late: { completed: 0, failed: 1, cancelled: 0 },
    })
  })

  test('that throws no Error is reported with that value', async () => {
    const { clock, options, late } = observed()
    const hand = deferred()
    const app = new Hono()
    app.use(curfew(options))
    app.get('/', async () => {
      await hand.promise
      throw 'late'
    })
    const reply = app.request('/')
    await clock.advance(100)
    await soon(reply)
    hand.resolve()
    await clock.advance(0)
    expect(late).toMatchObject([{ kind: 'failed', error: 'late' }])
  })

  test('that stops because its signal says so is cancelled', async () => {
    const { clock, options, late } = observed()
    const app = new Hono()
    app.use(curfew(options))
    app.get('/', (c) => {
      const { signal } = c.req.raw
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    })
    const reply = app.request('/')
    await clock.advance(100)
    expect(await read(await soon(reply))).toEqual(timeoutReply)
    expect(late).toMatchObject([{ kind: 'cancelled', error: { code: 'HANDLER_TIMEOUT' } }])
  })

  test('finds that next() rejects with the reason, and is cancelled by it', async () => {
    const { clock, options, late } = observed()
    const hand = deferred()
    let rejection: unknown
    const app = new Hono()
    app.use(curfew(options))
    app.use(async (c, next) => {
      await hand.promise
      rejection = await thrownBy(next)
      expect(scopeOf(c).reason).toBe(rejection)
      throw rejection
    })
    app.get('/', (c) => c.text('next'))
    const reply = app.request('/')
    await clock.advance(100)
    await soon(reply)
    hand.resolve()
    await clock.advance(0)
    expect(rejection).toBeInstanceOf(HandlerTimeoutError)
    expect(late).toMatchObject([{ kind: 'cancelled' }])
    expect(late[0]!.error).toBe(rejection)
  })

  test('goes on without an error of its own: late writes are dropped, not refused', async () => {
    const { clock, options, late } = observed()
    const hand = deferred()
    const app = new Hono()
    app.use(curfew(options))
    app.get('/', async (c) => {
      await hand.promise
      c.status(201)
      c.header('x-late', '1')
      c.res.headers.set('x-late', '2')
      c.res = new Response('late', { status: 202 })
      expect(c.res.status).toBe(202)
      return c.res
    })
    const reply = app.request('/')
    await clock.advance(100)
    await soon(reply)
    hand.resolve()
    await clock.advance(0)
    expect(late).toMatchObject([{ kind: 'completed' }])
  })

  test('finds that scope.response refuses late writes with the reason', async () => {
    const { clock, options } = observed()
    const hand = deferred()
    let refusal: unknown
    const guard = curfew(options)
    const app = new Hono()
    app.use(guard)
    app.get('/', async (c) => {
      const { response } = scopeOf(c)
      response.write('early')
      await hand.promise
      refusal = await thrownBy(() => response.write('late'))
      return never()
    })
    const reply = app.request('/')
    await clock.advance(100)
    expect(await read(await soon(reply))).toEqual(timeoutReply)
    hand.resolve()
    await clock.advance(0)
    expect(refusal).toBeInstanceOf(HandlerTimeoutError)
    expect(guard.stats.lateWrites).toBe(1)
  })

  test('has its late calls counted, but not what is assigned to c.res: Hono does that itself', async () => {
    const { clock, options } = observed()
    const hand = deferred()
    const guard = curfew(options)
    const app = new Hono()
    app.use(guard)
    app.get('/', async (c) => {
      c.header('x-in-time', '1')
      await hand.promise
      c.header('x-late', '1')
      c.status(418)
      c.res = new Response('late')
      return never()
    })
    const reply = app.request('/')
    await clock.advance(100)
    await soon(reply)
    expect(guard.stats.lateWrites).toBe(0)
    hand.resolve()
    await clock.advance(0)
    expect(guard.stats.lateWrites).toBe(2)
  })

  test.each<[string, (c: Context) => unknown]>([
    ['returns late', (c) => c.text('late')],
    ['throws late', () => raise(new Error('late'))],
    ['reads c late', (c) => (c.res.headers.get('x') || c.finalized || c.error ? never() : never())],
  ])('that only %s has made no late write', async (_, deed) => {
    const { clock, options } = observed()
    const hand = deferred()
    const did = deferred()
    const guard = curfew(options)
    const app = new Hono()
    app.use(guard)
    app.get('/', async (c) => {
      await hand.promise
      did.resolve()
      return (await deed(c)) as Response
    })
    const reply = app.request('/')
    await clock.advance(100)
    await soon(reply)
    hand.resolve()
    await clock.advance(0)
    await soon(did.promise)
    expect(guard.stats.lateWrites).toBe(0)
  })

  test('is isolated after its client left, too', async () => {
    const { clock, options, outcomes } = observed()
    const controller = new AbortController()
    const hand = deferred()
    const outside = deferred()
    const seen: unknown[] = []
    const app = new Hono()
    app.use(async (c, next) => {
      c.header('x-outer', 'before')
      await next()
      await outside.promise
      seen.push(c.res.status, [...c.res.headers], c.error)
    })
    app.use(curfew(options))
    app.get('/', async (c) => {
      await hand.promise
      c.header('x-late', '1')
      c.res = new Response('late')
      throw new Error('late')
    })
    const reply = app.request(new Request('http://localhost/', { signal: controller.signal }))
    await clock.advance(50)
    controller.abort()
    await clock.advance(0)
    hand.resolve()
    await clock.advance(0)
    outside.resolve()
    const response = await soon(reply)
    expect(response.status).toBe(499)
    expect(response.body).toBeNull()
    expect(seen).toEqual([499, [['x-outer', 'before']], undefined])
    expect(outcomes).toMatchObject([{ kind: 'client-closed', phase: 'handling' }])
  })
})
