import { describe, expect, test } from 'vitest'
import { deferred, get, never, observed, soon } from '../test/support.ts'
import { type GuardOptions, guard, type HandlerResult, scopeOf } from './index.ts'

type Handler = (request: Request) => HandlerResult | PromiseLike<HandlerResult>

/** A guard inside a guard, as a route's is inside the application's. */
function nested(handler: Handler, outerOptions: GuardOptions, innerOptions: GuardOptions) {
  const outer = observed(outerOptions)
  const inner = observed(innerOptions)
  const { clock } = outer
  const route = guard(handler, { ...inner.options, clock })
  const app = guard((request: Request) => route(request), outer.options)
  return { clock, app, route, outer, inner }
}

describe('a guard inside a guard', () => {
  test.each([
    ['longer', 100, 500, 500],
    ['shorter', 500, 100, 100],
    ['on', false, 100, 100],
  ] as const)('adjusts the deadline: %s', async (_, outerMs, innerMs, elapsedMs) => {
    const { clock, app, outer, inner } = nested(never, { timeoutMs: outerMs }, { timeoutMs: innerMs })
    const reply = app(get())
    await clock.advance(elapsedMs - 1)
    expect(outer.outcomes).toEqual([])
    await clock.advance(1)
    expect((await soon(reply)).status).toBe(503)
    expect(outer.outcomes).toMatchObject([{ kind: 'timed-out', elapsedMs, timeoutMs: innerMs }])
    expect(inner.outcomes).toEqual(outer.outcomes)
    expect(clock.pending).toBe(0)
  })

  test('adjusts the deadline: off', async () => {
    const work = deferred<Response>()
    const { clock, app, outer } = nested(() => work.promise, { timeoutMs: 100 }, { timeoutMs: false })
    const reply = app(get())
    await clock.advance(1_000_000)
    expect(outer.outcomes).toEqual([])
    work.resolve(new Response('at last'))
    expect((await soon(reply)).status).toBe(200)
    expect(clock.pending).toBe(0)
  })

  test('leaves the deadline alone when it was not told one', async () => {
    const { clock, app, outer } = nested(never, { timeoutMs: 100 }, {})
    void app(get())
    await clock.advance(100)
    expect(outer.outcomes).toMatchObject([{ kind: 'timed-out', timeoutMs: 100 }])
  })

  test('counts from when it was reached', async () => {
    const { clock, options, outcomes } = observed({ timeoutMs: 100 })
    const route = guard(never, { timeoutMs: 80, clock })
    const gate = deferred<void>()
    const app = guard(async (request: Request) => {
      await gate.promise
      return route(request)
    }, options)
    void app(get())
    await clock.advance(60)
    gate.resolve()
    await clock.advance(79)
    expect(outcomes).toEqual([])
    await clock.advance(1)
    expect(outcomes).toMatchObject([{ kind: 'timed-out', elapsedMs: 140 }])
  })

  test('cannot lengthen what the request itself allowed', async () => {
    const { clock, app, outer } = nested(never, { timeoutMs: 100, inbound: () => 50 }, { timeoutMs: 1_000 })
    void app(get())
    await clock.advance(50)
    expect(outer.outcomes).toMatchObject([{ kind: 'timed-out', elapsedMs: 50 }])
  })

  test('has one race with it: one outcome, one signal, both told, both counting once', async () => {
    const work = deferred<Response>()
    const scopes: unknown[] = []
    const { clock, app, route, outer, inner } = nested(
      (request) => {
        scopes.push(scopeOf(request))
        return work.promise
      },
      { timeoutMs: 100 },
      { timeoutMs: 50 },
    )
    const request = get()
    void app(request)
    expect(scopes).toEqual([scopeOf(request)])
    expect([app.stats.active, route.stats.active]).toEqual([1, 1])
    await clock.advance(50)
    expect([app.stats.abandoned, route.stats.abandoned]).toEqual([1, 1])
    work.reject(new Error('late'))
    await clock.advance(0)
    expect(outer.outcomes).toHaveLength(1)
    expect(inner.outcomes).toHaveLength(1)
    expect(inner.outcomes[0]).toBe(outer.outcomes[0])
    expect(outer.late).toHaveLength(1)
    expect(inner.late).toHaveLength(1)
    for (const { stats } of [app, route]) {
      expect(stats).toMatchObject({
        active: 0,
        abandoned: 0,
        outcomes: { completed: 0, 'timed-out': 1, 'client-closed': 0, failed: 0, rejected: 0 },
        late: { completed: 0, failed: 1, cancelled: 0 },
      })
    }
  })

  test('sends what its handler throws through the outer handler, once', async () => {
    const error = new Error('boom')
    const { clock, app, outer, inner } = nested(() => Promise.reject(error), {}, { rethrow: true })
    expect((await soon(app(get()))).status).toBe(500)
    await clock.advance(0)
    expect(outer.outcomes).toMatchObject([{ kind: 'failed', error }])
    expect(inner.outcomes).toMatchObject([{ kind: 'failed', error }])
  })

  test('hands on a synchronous response as the same object', async () => {
    const response = new Response()
    const { clock, app, route, outer } = nested(() => response, { timeoutMs: 100 }, { timeoutMs: 50 })
    expect(app(get())).toBe(response)
    await clock.advance(0)
    expect(outer.outcomes).toMatchObject([{ kind: 'completed' }])
    expect([app.stats.active, route.stats.active]).toEqual([0, 0])
    expect(clock.pending).toBe(0)
  })

  test('overrides replies and statuses that it was given, and only those', async () => {
    const { clock, app } = nested(
      never,
      { timeoutMs: 100, timeoutResponse: 'outer', timeoutStatus: 504 },
      { timeoutResponse: 'inner' },
    )
    const reply = app(get())
    await clock.advance(100)
    const response = await soon(reply)
    expect([response.status, await response.text()]).toEqual([504, 'inner'])
  })

  test('leaves replies alone that it was not given', async () => {
    const { clock, app } = nested(never, { timeoutMs: 100, timeoutResponse: 'outer' }, { timeoutStatus: 408 })
    const reply = app(get())
    await clock.advance(100)
    const response = await soon(reply)
    expect([response.status, await response.text()]).toEqual([408, 'outer'])
  })

  const broken = () =>
    new Response(
      new ReadableStream({
        pull(controller) {
          controller.error(new Error('half-way'))
        },
      }),
    )

  test.each([
    ['turns buffering on', false, true, 500],
    ['turns buffering off', true, false, 200],
    ['leaves buffering alone', true, undefined, 500],
  ] as const)('%s', async (_, outerBuffer, innerBuffer, status) => {
    const inner = innerBuffer === undefined ? {} : { buffer: innerBuffer }
    const { app } = nested(async () => broken(), { buffer: outerBuffer }, inner)
    expect((await soon(app(get()))).status).toBe(status)
  })

  test('does not rethrow for the outer one', async () => {
    const boom = () => {
      throw new Error('boom')
    }
    expect((nested(boom, {}, { rethrow: true }).app(get()) as Response).status).toBe(500)
    expect(() => nested(boom, { rethrow: true }, { rethrow: false }).app(get())).toThrow('boom')
  })

  test('that is the same guard once more counts the request once', async () => {
    const { clock, options, outcomes } = observed()
    const guarded = guard((request: Request): Response | Promise<Response> => {
      if (request.headers.has('x-inside')) return new Response()
      request.headers.set('x-inside', '1')
      expect(guarded.stats.active).toBe(1)
      return guarded(request)
    }, options)
    await soon(guarded(get()))
    await clock.advance(0)
    expect(outcomes).toHaveLength(1)
    expect(guarded.stats).toMatchObject({ active: 0, outcomes: { completed: 1 } })
  })

  test('starts a race of its own once the outer one has ended', async () => {
    const gate = deferred<void>()
    const { clock, options, outcomes } = observed({ timeoutMs: 10 })
    const inner = observed({ timeoutMs: 20 })
    const route = guard(never, { ...inner.options, clock })
    const app = guard(async (request: Request) => {
      await gate.promise
      return route(request)
    }, options)
    void app(get())
    await clock.advance(10)
    expect(outcomes).toMatchObject([{ kind: 'timed-out' }])
    gate.resolve()
    await clock.advance(20)
    expect(inner.outcomes).toMatchObject([{ kind: 'timed-out', elapsedMs: 20 }])
    expect(outcomes).toHaveLength(1)
    expect(app.stats).toMatchObject({ active: 0, abandoned: 0, late: { completed: 1 } })
  })
})
