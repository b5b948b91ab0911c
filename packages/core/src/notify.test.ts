import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { deferred, get, never, observed, soon } from '../test/support.ts'
import { HookTimeoutError } from './errors.ts'
import { type GuardOptions, guard, scopeOf } from './index.ts'
import { ManualClock } from './manual-clock.ts'
import { notify } from './notify.ts'
import { newCounters } from './stats.ts'

let logged: unknown[][]

beforeEach(() => {
  logged = []
  vi.spyOn(console, 'error').mockImplementation((...line: unknown[]) => void logged.push(line))
})

afterEach(() => {
  vi.restoreAllMocks()
})

type Hook = NonNullable<GuardOptions['onOutcome']>

const boom = new Error('hook')

const badHooks: [string, Hook][] = [
  [
    'throws',
    function named() {
      throw boom
    },
  ],
  [
    'rejects',
    async function named() {
      throw boom
    },
  ],
  [
    'gives a thenable that throws',
    function named() {
      return {
        // biome-ignore lint/suspicious/noThenProperty: a thenable is what is tested
        then() {
          throw boom
        },
      }
    },
  ],
]

const nobody = { keepAlive() {} }

describe('a hook', () => {
  test('is called once the response is handed over, not before', async () => {
    const { options } = observed()
    const events: string[] = []
    const guarded = guard(() => new Response(), { ...options, onOutcome: () => events.push('hook') })
    guarded(get())
    events.push('response')
    await soon(Promise.resolve())
    expect(events).toEqual(['response', 'hook'])
  })

  test('is called after whoever waits for an asynchronous response', async () => {
    const { options, clock } = observed()
    const events: string[] = []
    const guarded = guard(async () => new Response(), { ...options, onOutcome: () => events.push('hook') })
    void Promise.resolve(guarded(get())).then(() => events.push('response'))
    await clock.advance(0)
    expect(events).toEqual(['response', 'hook'])
  })

  test('is given the outcome and the request', async () => {
    const request = get()
    const onOutcome = vi.fn()
    const onLateSettlement = vi.fn()
    const { options, clock } = observed({ timeoutMs: 10, onOutcome, onLateSettlement })
    const work = deferred<Response>()
    void guard(() => work.promise, options)(request)
    await clock.advance(10)
    work.resolve(new Response())
    await clock.advance(0)
    const { outcome } = scopeOf(request)
    expect(onOutcome.mock.calls).toEqual([[outcome, request]])
    expect(onLateSettlement.mock.calls).toEqual([[{ kind: 'completed', outcome, afterMs: 0 }, request]])
    expect(onOutcome.mock.calls[0]?.[1]).toBe(request)
  })

  test('can read the outcome of the scope, and start the same request again', async () => {
    const { options, clock } = observed()
    const seen: unknown[] = []
    const guarded = guard(() => new Response(), {
      ...options,
      onOutcome: (outcome, request) => {
        seen.push(scopeOf(request).outcome === outcome)
        if (seen.length < 3) void guarded(request)
      },
    })
    guarded(get())
    await clock.advance(0)
    expect(seen).toEqual([true, true, true])
    expect(guarded.stats.outcomes.completed).toBe(3)
  })

  test.each(badHooks)('that %s changes nothing, and is counted and logged', async (_, hook) => {
    const { options, clock } = observed({ timeoutMs: 10, onOutcome: hook, onLateSettlement: hook as never })
    const work = deferred<Response>()
    const guarded = guard(() => work.promise, options)
    const reply = guarded(get())
    await clock.advance(10)
    expect((await soon(reply)).status).toBe(503)
    expect(guarded.stats.hookFailures).toBe(1)
    work.resolve(new Response())
    await clock.advance(0)
    expect(guarded.stats).toMatchObject({ hookFailures: 2, active: 0, abandoned: 0 })
    expect(logged).toEqual([['Curfew hook failed: named', boom]])
  })

  test('that fails with each request is logged once a minute, with how often it was not', async () => {
    const { options, clock } = observed({
      onOutcome: function log() {
        throw boom
      },
    })
    const guarded = guard(() => new Response(), options)
    for (const ms of [0, 59_999, 1, 0]) {
      await clock.advance(ms)
      for (let i = 0; i < 100; i++) guarded(get())
      await clock.advance(0)
    }
    await clock.advance(60_000)
    guarded(get())
    await clock.advance(0)
    expect(guarded.stats.hookFailures).toBe(401)
    expect(logged).toEqual([
      ['Curfew hook failed: log', boom],
      ['Curfew hook failed: log (199 times more since this was last told)', boom],
      ['Curfew hook failed: log (199 times more since this was last told)', boom],
    ])
  })

  test('that never settles delays nothing', async () => {
    const { options, clock } = observed({ onOutcome: never })
    const guarded = guard(async () => new Response('hello'), options)
    for (let i = 0; i < 3; i++) expect(await (await soon(guarded(get()))).text()).toBe('hello')
    await clock.advance(0)
    expect(guarded.stats).toMatchObject({ active: 0, hookFailures: 0, outcomes: { completed: 3 } })
  })

  test('that takes longer than ten seconds is counted as failed, and waited for no longer', async () => {
    const { options, clock } = observed({ onOutcome: never })
    const guarded = guard(() => new Response(), options)
    guarded(get())
    await clock.advance(9_999)
    expect(guarded.stats).toMatchObject({ hooksPending: 1, hookFailures: 0 })
    await clock.advance(1)
    expect(guarded.stats).toMatchObject({ hooksPending: 0, hookFailures: 1 })
    expect(logged).toEqual([[expect.any(String), new HookTimeoutError(10_000)]])
    expect(clock.pending).toBe(0)
  })

  test('is dropped, and counted as that, while a thousand are at work, and called again after that', async () => {
    const works: ReturnType<typeof deferred<void>>[] = []
    const onOutcome = (): Promise<void> => {
      const work = deferred<void>()
      works.push(work)
      return work.promise
    }
    const { options, clock } = observed({ onOutcome })
    const guarded = guard(() => new Response(), options)
    for (let i = 0; i < 1_000; i++) guarded(get())
    await clock.advance(0)
    guarded(get())
    await clock.advance(0)
    expect(works).toHaveLength(1_000)
    expect(guarded.stats).toMatchObject({
      hooksPending: 1_000,
      hooksDropped: 1,
      outcomes: { completed: 1_001 },
    })
    for (const work of works) work.resolve()
    await clock.advance(0)
    guarded(get())
    await clock.advance(0)
    expect(works).toHaveLength(1_001)
  })

  test('that fails keeps no other hook from being told', async () => {
    const inner = observed()
    const outer = observed({
      onOutcome: () => {
        throw boom
      },
    })
    const route = guard(() => new Response(), { ...inner.options, clock: outer.clock })
    guard((request: Request) => route(request), outer.options)(get())
    await outer.clock.advance(0)
    expect(inner.outcomes).toHaveLength(1)
  })

  test('without a name is called anonymous in the log', async () => {
    const counters = newCounters()
    notify(
      { counters, clock: new ManualClock() },
      nobody,
      (() => () => {
        throw boom
      })(),
    )
    await soon(Promise.resolve())
    expect(logged).toEqual([['Curfew hook failed: anonymous', boom]])
    expect(counters.hookFailures).toBe(1)
  })

  test('is called with what it was to be told', async () => {
    const hook = vi.fn()
    notify({ counters: newCounters(), clock: new ManualClock() }, nobody, hook, 1, 'two')
    expect(hook).not.toHaveBeenCalled()
    await soon(Promise.resolve())
    expect(hook.mock.calls).toEqual([[1, 'two']])
  })
})
