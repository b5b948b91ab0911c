import { describe, expect, test } from 'vitest'
import { expectPlain, reporting } from '../test/reporting.ts'
import {
  deferred,
  FakeClient,
  get,
  never,
  observed,
  oddities,
  soon,
  source,
  thrownBy,
} from '../test/support.ts'
import { attachClient } from './adapter.ts'
import {
  EscapedError,
  type GuardOptions,
  guard,
  type HandlerResult,
  HandlerTimeoutError,
  type Outcome,
  scopeOf,
} from './index.ts'
import type { ReportKind } from './report.ts'

const boom = new Error('boom')

type Handler = (request: Request) => HandlerResult | PromiseLike<HandlerResult>

/** A request on its way, for something that it has started to throw. */
function begun(handler: Handler, given: GuardOptions = {}, client?: FakeClient) {
  const { options, ...seen } = observed({ timeoutMs: 100, ...given })
  const request = get()
  if (client) attachClient(request, client)
  const guarded = guard(handler, options)
  const reply = Promise.resolve(guarded(request))
  return { ...seen, request, guarded, reply, scope: scopeOf(request) }
}

describe('an error that escapes while the handler runs', () => {
  test('is the failure of the request, at once and without its message', async () => {
    const { clock, outcomes, guarded, reply, scope } = begun(never)
    await clock.advance(40)
    expect(scope.escaped(boom)).toBe(true)
    const response = await soon(reply)
    expect(response.status).toBe(500)
    const text = await response.text()
    expect(text).toContain('HANDLER_FAILED')
    expect(text).not.toContain('boom')
    await clock.advance(1_000)
    expect(outcomes).toEqual([
      { kind: 'failed', phase: 'handling', status: 500, elapsedMs: 40, error: boom, escaped: true },
    ])
    expect(guarded.stats).toMatchObject({ active: 0, escaped: 1, outcomes: { failed: 1, 'timed-out': 0 } })
    expect(clock.pending).toBe(0)
  })

  test('aborts the signal of the handler, once the outcome is fixed', async () => {
    const { request, scope } = begun(never)
    let seen: Outcome | undefined
    request.signal.addEventListener('abort', () => {
      seen = scope.outcome
    })
    scope.escaped(boom)
    expect(seen).toMatchObject({ kind: 'failed', escaped: true })
    expect(request.signal.reason).toBeInstanceOf(EscapedError)
    expect(request.signal.reason).toMatchObject({ name: 'AbortError', code: 'ESCAPED', cause: boom })
  })

  test('is answered as any failure is', async () => {
    const told = begun(never, { failureResponse: ({ escaped }) => ({ escaped }) })
    told.scope.escaped(boom)
    expect(await (await soon(told.reply)).json()).toEqual({ escaped: true })

    const exposed = begun(never, { exposeErrors: true })
    exposed.scope.escaped(boom)
    expect(await (await soon(exposed.reply)).json()).toMatchObject({ detail: 'boom' })

    const thrown = begun(never)
    thrown.scope.escaped(new Response('enough', { status: 429 }))
    expect((await soon(thrown.reply)).status).toBe(429)
    expect(thrown.scope.outcome).toMatchObject({ kind: 'failed', status: 429, escaped: true })
  })

  test('is handed on by a guard that rethrows, whatever it is', async () => {
    const { outcomes, clock, reply, scope, request } = begun(never, { rethrow: true })
    const thrown = thrownBy(() => reply)
    const response = new Response('enough', { status: 429 })
    scope.escaped(response)
    expect(await thrown).toBe(response)
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'failed', escaped: true, error: response }])
    expect(request.signal.reason).toBeInstanceOf(EscapedError)
  })

  test('ends the draining of its body', async () => {
    const page = source()
    const { clock, outcomes, late, reply, scope } = begun(() => new Response(page.stream), { buffer: true })
    page.write('half')
    await clock.advance(10)
    scope.escaped(boom)
    expect((await soon(reply)).status).toBe(500)
    await clock.advance(0)
    expect(page.cancelled).toMatchObject([{ code: 'ESCAPED' }])
    expect(outcomes).toMatchObject([{ kind: 'failed', phase: 'handling', escaped: true }])
    expect(late).toMatchObject([{ kind: 'cancelled' }])
  })

  test('is the affair of each guard that the request has passed', async () => {
    const outer = observed()
    const inner = observed()
    const route = guard(never, { ...inner.options, rethrow: true })
    const app = guard((own: Request) => route(own), outer.options)
    const request = get()
    const reply = app(request)
    scopeOf(request).escaped(boom)
    expect((await soon(reply)).status).toBe(500)
    await outer.clock.advance(0)
    expect(outer.outcomes).toMatchObject([{ kind: 'failed', escaped: true }])
    expect(inner.outcomes).toEqual(outer.outcomes)
    expect([app.stats.escaped, route.stats.escaped]).toEqual([1, 1])
  })

  test('may have come of a client that has left, which then is the ending', async () => {
    const client = new FakeClient({ cheap: false })
    const { clock, outcomes, late, reply, scope } = begun(never, {}, client)
    client.close()
    scope.escaped(boom)
    expect((await soon(reply)).status).toBe(499)
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'client-closed', phase: 'handling' }])
    expect(late).toMatchObject([{ kind: 'failed', escaped: true, error: boom }])
  })

  test.each(oddities)('may be %s', async (_, make) => {
    const { clock, outcomes, reply, scope } = begun(never)
    scope.escaped(make())
    scope.escaped(make())
    expect((await soon(reply)).status).toBe(500)
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'failed', escaped: true }])
  })
})

describe('the handler that it has escaped from', () => {
  test('is late, whenever it answers', async () => {
    const work = deferred<Response>()
    const { clock, outcomes, late, scope } = begun(() => work.promise)
    scope.escaped(boom)
    const page = source()
    work.resolve(new Response(page.stream))
    await clock.advance(0)
    expect(outcomes).toHaveLength(1)
    expect(late).toMatchObject([{ kind: 'completed', outcome: { escaped: true } }])
    expect(page.cancelled).toMatchObject([{ code: 'ESCAPED' }])
  })

  test('has no second failure of the same error, but of another', async () => {
    const works = [deferred<Response>(), deferred<Response>()]
    const [same, other] = works.map((work) => begun(() => work.promise))
    for (const { scope } of [same!, other!]) scope.escaped(boom)
    works[0]!.reject(boom)
    works[1]!.reject(new Error('another'))
    await same!.clock.advance(0)
    expect(same!.late).toMatchObject([{ kind: 'cancelled' }])
    expect(other!.late).toMatchObject([{ kind: 'failed', error: { message: 'another' } }])
  })

  test('takes the place of nobody, for it may never settle', async () => {
    const { clock, options } = observed({ maxAbandoned: 1 })
    const work = deferred<Response>()
    const guarded = guard(() => work.promise, options)
    for (const request of [get(), get()]) {
      const reply = guarded(request)
      scopeOf(request).escaped(boom)
      expect((await soon(reply)).status).toBe(500)
    }
    expect(guarded.stats).toMatchObject({ active: 0, abandoned: 0 })
    work.resolve(new Response())
    await clock.advance(0)
    expect(guarded.stats).toMatchObject({ abandoned: 0, late: { completed: 2 } })
  })
})

describe('an error that escapes from a request that has ended', () => {
  test('is told late, as often as there are some, and changes nothing', async () => {
    const { clock, outcomes, late, guarded, reply, scope } = begun(() => new Response('whole'))
    expect((await reply).status).toBe(200)
    await clock.advance(30)
    expect([scope.escaped(boom), scope.escaped(boom)]).toEqual([true, true])
    await clock.advance(0)
    expect(outcomes).toEqual([{ kind: 'completed', status: 200, elapsedMs: 0 }])
    const told = { kind: 'failed', escaped: true, outcome: outcomes[0], afterMs: 30, error: boom }
    expect(late).toEqual([told, told])
    expect(guarded.stats).toMatchObject({ escaped: 2, late: { failed: 0 }, outcomes: { failed: 0 } })
  })

  test('is not what the handler does in the end', async () => {
    const work = deferred<Response>()
    const { clock, late, guarded, scope } = begun(() => work.promise)
    await clock.advance(100)
    scope.escaped(boom)
    expect(guarded.stats.abandoned).toBe(1)
    work.resolve(new Response())
    await clock.advance(0)
    expect(late).toMatchObject([
      { kind: 'failed', escaped: true, outcome: { kind: 'timed-out' } },
      { kind: 'completed', outcome: { kind: 'timed-out' } },
    ])
    expect(late[1]).not.toHaveProperty('escaped')
    expect(guarded.stats).toMatchObject({ abandoned: 0, escaped: 1, late: { completed: 1, failed: 0 } })
  })

  test('is told after the ending, which may wait for the response to be written', async () => {
    const client = new FakeClient({ tellsDelivery: true })
    const { clock, outcomes, late, scope } = begun(() => new Response('whole'), {}, client)
    scope.escaped(boom)
    await clock.advance(0)
    expect([outcomes, late]).toEqual([[], []])
    client.deliver()
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'completed', status: 200 }])
    expect(late).toMatchObject([{ kind: 'failed', escaped: true, outcome: outcomes[0] }])
  })

  test.each([
    ['the reason of its signal', (reason: unknown) => reason],
    ['what has it as its cause', (reason: unknown) => new Error('fetch failed', { cause: reason })],
    ['an AbortError', () => new DOMException('aborted', 'AbortError')],
  ])('is nothing, if it only says that it was told to stop: %s', async (_, make) => {
    const { clock, late, guarded, scope } = begun(never)
    await clock.advance(100)
    expect(scope.reason).toBeInstanceOf(HandlerTimeoutError)
    expect(scope.escaped(make(scope.reason))).toBe(false)
    await clock.advance(0)
    expect(late).toEqual([])
    expect(guarded.stats.escaped).toBe(0)
  })
})

describe('an error that escapes while the response is written', () => {
  const limits = { streamIdleMs: 50 }

  test('breaks off a body that has not ended, for what feeds it may have thrown', async () => {
    const page = source()
    const { clock, outcomes, late, reply, scope, request } = begun(() => new Response(page.stream), limits)
    const reader = (await reply).body!.getReader()
    page.write('half')
    await reader.read()
    const { signal } = request
    const rest = thrownBy(() => reader.read())
    scope.escaped(boom)
    expect(await rest).toBe(boom)
    await clock.advance(1_000)
    expect(outcomes).toEqual([
      { kind: 'failed', phase: 'streaming', status: 200, elapsedMs: 0, error: boom, escaped: true },
    ])
    expect(late).toEqual([])
    expect(page.cancelled).toEqual([boom])
    expect(signal.reason).toMatchObject({ code: 'ESCAPED', cause: boom })
    expect(clock.pending).toBe(0)
  })

  test('leaves a body alone that has', async () => {
    const page = source()
    const client = new FakeClient({ tellsDelivery: true })
    const { clock, outcomes, late, reply, scope } = begun(() => new Response(page.stream), limits, client)
    page.write('whole')
    page.end()
    expect(await (await reply).text()).toBe('whole')
    scope.escaped(boom)
    client.deliver()
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'completed' }])
    expect(late).toMatchObject([{ escaped: true }])
  })

  test.each([
    ['a reset', {}, { phase: 'streaming', status: 201 }],
    ['another response', { status: 500 }, { phase: 'handling', status: 500 }],
  ])('is told by a client that makes %s of it', async (_, interruption, ending) => {
    const client = Object.assign(new FakeClient({ tellsDelivery: true }), { interrupt: () => interruption })
    const { clock, outcomes, late, scope } = begun(() => new Response('', { status: 201 }), {}, client)
    scope.escaped(boom)
    await clock.advance(0)
    expect(outcomes).toEqual([{ kind: 'failed', ...ending, elapsedMs: 0, error: boom, escaped: true }])
    expect(late).toEqual([])
    expect(client.watchers).toBe(0)
  })

  test('leaves alone what the guard has answered by itself', async () => {
    let interrupted = 0
    const client = Object.assign(new FakeClient({ tellsDelivery: true }), {
      interrupt: () => void interrupted++,
    })
    const { clock, scope, late } = begun(never, {}, client)
    await clock.advance(100)
    scope.escaped(boom)
    client.deliver()
    await clock.advance(0)
    expect(late).toMatchObject([{ escaped: true, outcome: { kind: 'timed-out' } }])
    expect(interrupted).toBe(0)
  })
})

describe('the report', () => {
  test('of a failure says that the error has escaped', async () => {
    const { made, reports, options } = reporting()
    const request = get()
    void guard(never, options)(request)
    scopeOf(request).escaped(boom)
    await made()
    expectPlain(reports[0]!)
    expect(reports).toMatchObject([
      {
        kind: 'failed',
        error: { message: 'boom' },
        outcome: { kind: 'failed', escaped: true },
        abandoned: true,
      },
    ])
  })

  test.each<[ReportKind[], number]>([
    [['failed'], 1],
    [['failed', 'late'], 1],
    [['late'], 1],
    [['timed-out', 'abandoned'], 0],
  ])('of an error after the end is made for %j: %i', async (on, count) => {
    const { clock, made, reports, options } = reporting({ on })
    const request = get()
    await guard(() => new Response('whole'), options)(request)
    await clock.advance(20)
    scopeOf(request).escaped(boom)
    await made()
    for (const report of reports) expectPlain(report)
    const late = {
      kind: 'late',
      error: { message: 'boom' },
      outcome: { kind: 'completed', status: 200 },
      late: { kind: 'failed', afterMs: 20, escaped: true },
      abandoned: false,
    }
    expect(reports).toMatchObject(Array.from({ length: count }, () => late))
  })
})
