import { AsyncLocalStorage } from 'node:async_hooks'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { reporting } from '../../test/reporting.ts'
import { deferred, get, never, raise, soon } from '../../test/support.ts'
import { guard } from '../index.ts'
import type { FireReport, Hook, Report } from '../report.ts'

const boom = new Error('hook')

let logged: unknown[][]

beforeEach(() => {
  logged = []
  vi.spyOn(console, 'error').mockImplementation((...line: unknown[]) => void logged.push(line))
})

afterEach(() => {
  vi.restoreAllMocks()
})

/** A reporter without a window of repeats, and a handler that fails, each time otherwise. */
function scene(hooks: Hook[], options: Parameters<typeof reporting>[0] = {}) {
  const { options: given, ...watched } = reporting({ hooks, dedupeMs: false, ...options })
  let failures = 0
  const guarded = guard(() => raise(new Error(`boom ${++failures}`)), given)
  const fail = async (times = 1): Promise<void> => {
    for (let i = 0; i < times; i++) void guarded(get())
    await watched.made()
  }
  return { ...watched, fail, stats: (name: string) => watched.reporter.stats.hooks[name] }
}

const failures: [name: string, fire: FireReport][] = [
  ['throws', () => raise(boom)],
  ['rejects', async () => raise(boom)],
  [
    'gives a thenable that throws',
    () => ({
      // biome-ignore lint/suspicious/noThenProperty: a thenable is what is tested
      then: () => raise(boom),
    }),
  ],
]

describe('a hook', () => {
  test.each(failures)(
    'that %s is counted and logged, and the others are fired all the same',
    async (_, fire) => {
      const after = vi.fn()
      const { fail, reports, stats } = scene([
        { name: 'bad', fire },
        { name: 'after', fire: after },
      ])
      await fail(2)
      expect(stats('bad')).toEqual({ delivered: 0, failed: 2, dropped: 0, pending: 0 })
      expect(stats('after')).toEqual({ delivered: 2, failed: 0, dropped: 0, pending: 0 })
      expect(after.mock.calls.map(([report]) => report)).toEqual(reports)
      expect(logged).toEqual([['Curfew hook failed: bad', boom]])
    },
  )

  test('that fails with each report is logged once a minute, apart from all others', async () => {
    const { fail, clock } = scene([
      { name: 'bad', fire: () => raise(boom) },
      { name: 'worse', fire: () => raise(boom) },
    ])
    await fail(10)
    await clock.advance(60_000)
    await fail(1)
    const times = ' (9 times more since this was last told)'
    expect(logged).toEqual([
      ['Curfew hook failed: bad', boom],
      ['Curfew hook failed: worse', boom],
      [`Curfew hook failed: bad${times}`, boom],
      [`Curfew hook failed: worse${times}`, boom],
    ])
  })

  test('is the function itself, or the method of its object', async () => {
    class Sink implements Hook {
      readonly name = 'sink'
      readonly got: Report[] = []
      fire(report: Report): void {
        this.got.push(report)
      }
    }
    const sink = new Sink()
    const named = vi.fn(function named() {})
    const { fail, reports, reporter } = scene([sink, named as never])
    await fail()
    expect(sink.got).toEqual(reports)
    expect(named).toHaveBeenCalledTimes(1)
    expect(Object.keys(reporter.stats.hooks)).toHaveLength(3)
  })

  test('is given each report in the order of the failures, while earlier ones are still under way', async () => {
    const got: (string | undefined)[] = []
    const { fail, stats } = scene([
      {
        name: 'slow',
        fire({ error }) {
          got.push(error?.message)
          return never()
        },
      },
    ])
    await fail(5)
    expect(got).toEqual(['boom 1', 'boom 2', 'boom 3', 'boom 4', 'boom 5'])
    expect(stats('slow')).toEqual({ delivered: 0, failed: 0, dropped: 0, pending: 5 })
  })

  test('is given the same report as all others, and cannot change it for them', async () => {
    const got: Report[] = []
    const fire = (report: Report): void => {
      got.push(report)
      Reflect.set(report, 'kind', 'late')
      Reflect.set(report.request, 'url', 'spoilt')
      Reflect.deleteProperty(report, 'error')
    }
    const { fail, reports } = scene([
      { name: 'one', fire },
      { name: 'other', fire },
    ])
    await fail()
    expect(got).toEqual([reports[0], reports[0]])
    expect(reports[0]).toMatchObject({ kind: 'failed', request: { url: 'http://localhost/' } })
    expect(reports[0]).toHaveProperty('error')
  })

  test('has a context of its own', async () => {
    const contexts: unknown[] = []
    const fire: FireReport = (_, context) => {
      contexts.push({ ...context })
      Reflect.set(context, 'thrown', 'spoilt')
    }
    const { fail } = scene([
      { name: 'one', fire },
      { name: 'other', fire },
    ])
    await fail()
    expect(contexts).toHaveLength(2)
    expect(contexts[1]).toMatchObject({ thrown: { message: 'boom 1' } })
  })

  test('without fire is given none', async () => {
    const { fail, stats } = scene([{ name: 'flusher', flush: () => {} }])
    await fail()
    expect(stats('flusher')).toEqual({ delivered: 0, failed: 0, dropped: 0, pending: 0 })
  })

  test('runs in the async context of the request that it is told of', async () => {
    const storage = new AsyncLocalStorage<string>()
    const seen: unknown[] = []
    const { made, options } = reporting({
      dedupeMs: false,
      hooks: [({ request }) => seen.push([request.id, storage.getStore()])],
    })
    const guarded = guard(async () => raise(boom), options)
    for (const id of ['a', 'b', 'c']) {
      storage.run(id, () => void guarded(get('/', { headers: { 'x-request-id': id } })))
    }
    await made()
    expect(seen).toEqual(['a', 'b', 'c'].map((id) => [id, id]))
  })

  test('has a number where others before it have the same name', async () => {
    const { reporter } = scene([
      { name: 'sink', flush: () => {} },
      { name: 'sink 2', flush: () => {} },
      { name: 'sink', flush: () => {} },
      (() => () => {})() as never,
      (() => () => {})() as never,
    ])
    expect(Object.keys(reporter.stats.hooks)).toEqual([
      'collect',
      'sink',
      'sink 2',
      'sink 3',
      'anonymous',
      'anonymous 2',
    ])
  })
})

describe('the time of a hook', () => {
  test('is limited: its signal aborts, it counts as failed, and keeps no timer', async () => {
    const signals: AbortSignal[] = []
    const { fail, clock, stats } = scene([
      {
        name: 'slow',
        fire(_, { signal }) {
          signals.push(signal)
          return never()
        },
      },
    ])
    await fail()
    await clock.advance(9_999)
    expect(signals[0]!.aborted).toBe(false)
    expect(stats('slow')).toMatchObject({ failed: 0, pending: 1 })
    await clock.advance(1)
    expect(signals[0]!.reason).toMatchObject({
      name: 'TimeoutError',
      code: 'HOOK_TIMEOUT',
      timeoutMs: 10_000,
    })
    expect(stats('slow')).toEqual({ delivered: 0, failed: 1, dropped: 0, pending: 0 })
    expect(logged).toEqual([['Curfew hook failed: slow', signals[0]!.reason]])
    expect(clock.pending).toBe(0)
  })

  test('is that of each report by itself', async () => {
    const [first, second] = [deferred<void>(), deferred<void>()]
    const work = [first, second]
    const { fail, clock, stats } = scene([{ name: 'slow', fire: () => work.shift()?.promise }], {
      hookTimeoutMs: 100,
    })
    await fail()
    await clock.advance(60)
    await fail()
    await clock.advance(40)
    expect(stats('slow')).toMatchObject({ failed: 1, pending: 1 })
    second.resolve()
    await clock.advance(0)
    expect(stats('slow')).toEqual({ delivered: 1, failed: 1, dropped: 0, pending: 0 })
    expect(clock.pending).toBe(0)
  })

  test.each([
    ['rejects', (work: ReturnType<typeof deferred<void>>) => work.reject(boom)],
    ['resolves', (work: ReturnType<typeof deferred<void>>) => work.resolve()],
  ])('is over once: that the hook %s later changes nothing any more', async (_, settle) => {
    const work = deferred<void>()
    const { fail, clock, stats } = scene([{ name: 'slow', fire: () => work.promise }], { hookTimeoutMs: 100 })
    await fail()
    await clock.advance(100)
    // An unhandled rejection would fail the run.
    settle(work)
    await clock.advance(100)
    expect(stats('slow')).toEqual({ delivered: 0, failed: 1, dropped: 0, pending: 0 })
    expect(logged).toHaveLength(1)
  })

  test.each([false, Number.POSITIVE_INFINITY] as const)(
    'is not limited with %s, and takes no timer',
    async (hookTimeoutMs) => {
      const work = deferred<void>()
      const { fail, clock, stats } = scene([{ name: 'slow', fire: () => work.promise }], { hookTimeoutMs })
      await fail()
      expect(clock.pending).toBe(0)
      await clock.advance(2 ** 32)
      expect(stats('slow')).toMatchObject({ failed: 0, pending: 1 })
      work.resolve()
      await clock.advance(0)
      expect(stats('slow')).toMatchObject({ delivered: 1, pending: 0 })
    },
  )

  test('may be longer than a timer of the runtime', async () => {
    const set = vi.fn()
    const { fail, clock } = scene([{ name: 'slow', fire: never }], { hookTimeoutMs: 2 ** 40 })
    vi.spyOn(clock, 'setTimeout').mockImplementation((callback, ms) => {
      set(ms)
      return callback()
    })
    await fail()
    expect(set).toHaveBeenCalledWith(2 ** 31 - 1)
    for (const [ms] of set.mock.calls) expect(ms).toBeLessThan(2 ** 31)
  })
})

describe('the reports that a hook has under way', () => {
  test('are limited: what is more is dropped and counted, for this hook alone', async () => {
    const work = deferred<void>()
    const { fail, clock, stats, reporter } = scene([{ name: 'slow', fire: () => work.promise }], {
      maxQueued: 2,
    })
    for (let i = 0; i < 5; i++) await fail()
    expect(stats('slow')).toEqual({ delivered: 0, failed: 0, dropped: 3, pending: 2 })
    expect(stats('collect')).toMatchObject({ delivered: 5, dropped: 0 })
    expect(reporter.stats).toMatchObject({ reported: 5, dropped: 0 })
    work.resolve()
    await clock.advance(0)
    await fail()
    expect(stats('slow')).toEqual({ delivered: 3, failed: 0, dropped: 3, pending: 0 })
  })

  test('are fewer again when one takes too long', async () => {
    const { fail, clock, stats } = scene([{ name: 'slow', fire: never }], {
      maxQueued: 1,
      hookTimeoutMs: 100,
    })
    await fail()
    await fail()
    await clock.advance(100)
    await fail()
    expect(stats('slow')).toEqual({ delivered: 0, failed: 1, dropped: 1, pending: 1 })
  })
})

test('the numbers are a copy: nobody can change those of the reporter', async () => {
  const { fail, reporter } = scene([])
  const before = reporter.stats
  Reflect.set(before, 'reported', 99)
  Reflect.set(before.hooks.collect!, 'delivered', 99)
  await fail()
  expect(reporter.stats).toMatchObject({ reported: 1, hooks: { collect: { delivered: 1 } } })
})

test('a hook that fails a request by itself is told of that, too, and of nothing twice', async () => {
  const messages: unknown[] = []
  const { options, made, reporter } = reporting({
    hooks: [
      {
        name: 'nested',
        fire({ error }) {
          messages.push(error?.message)
          if (messages.length < 3) void guarded(get())
        },
      },
    ],
    dedupeMs: false,
  })
  const guarded = guard(() => raise(new Error(`boom ${messages.length}`)), options)
  void guarded(get())
  await made()
  expect(messages).toEqual(['boom 0', 'boom 1', 'boom 2'])
  expect(await soon(reporter.flush())).toBe(true)
})

test('a function that makes a hook, and was not called, is told so', async () => {
  function consoleHook(): Hook {
    return { name: 'console', fire: () => {} }
  }
  const { fail, stats } = scene([consoleHook as never])
  await fail()
  expect(stats('consoleHook')).toMatchObject({ delivered: 0, failed: 1 })
  expect(logged).toEqual([
    [
      'Curfew hook failed: consoleHook',
      new TypeError('Hook makes a hook, and has to be called: consoleHook()'),
    ],
  ])
})
