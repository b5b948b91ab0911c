import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { reporting } from '../../test/reporting.ts'
import { deferred, get, never, raise, soon, thrownBy } from '../../test/support.ts'
import { guard, InvalidOptionError } from '../index.ts'
import type { Hook, Report, ReporterOptions } from '../report.ts'
import { reporter } from './reporter.ts'

const boom = new Error('boom')

beforeEach(() => {
  vi.spyOn(console, 'error').mockImplementation(() => {})
})

afterEach(() => {
  vi.restoreAllMocks()
})

function scene(hooks: Hook[], options: Partial<ReporterOptions> = {}) {
  const { options: given, ...watched } = reporting({ hooks, ...options })
  const guarded = guard((request) => raise(new Error(new URL(request.url).pathname.slice(1))), given)
  return {
    ...watched,
    fail: (...messages: string[]): void => {
      for (const message of messages) void guarded(get(`/${message}`))
    },
    messages: () => watched.reports.map(({ error }) => error!.message),
  }
}

/** Whether a promise has settled, without waiting for it. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol('pending')
  return (await Promise.race([promise, Promise.resolve(pending)])) !== pending
}

describe('flush() resolves with true', () => {
  test('when there was nothing to do', async () => {
    const { reporter, clock } = scene([])
    expect(await soon(reporter.flush())).toBe(true)
    expect(clock.pending).toBe(0)
  })

  test('where there are no hooks', async () => {
    const reports = reporter({ hooks: [] })
    guard(() => raise(boom), { reporter: reports })(get())
    expect(await reports.flush()).toBe(true)
    expect(reports.stats).toMatchObject({ reported: 1, pending: 0, hooks: {} })
  })

  test('when what waited has been made, and the hooks are done with it', async () => {
    const sending = deferred<void>()
    const { reporter, fail, made, clock, messages } = scene([{ name: 'send', fire: () => sending.promise }])
    fail('a', 'b')
    const flushed = reporter.flush()
    expect(messages()).toEqual([])
    await made()
    expect(messages()).toEqual(['a', 'b'])
    expect(await isSettled(flushed)).toBe(false)
    sending.resolve()
    expect(await soon(flushed)).toBe(true)
    expect(reporter.stats).toMatchObject({ reported: 2, pending: 0 })
    expect(clock.pending).toBe(0)
  })

  test('when a hook has written what it kept until then', async () => {
    const written: string[] = []
    class Batch implements Hook {
      readonly name = 'batch'
      private kept: { report: Report; done: () => void }[] = []
      fire(report: Report): Promise<void> {
        return new Promise((done) => this.kept.push({ report, done }))
      }
      flush(): void {
        for (const { report, done } of this.kept.splice(0)) {
          written.push(report.error!.message)
          done()
        }
      }
    }
    const { reporter, fail, made, clock } = scene([new Batch()])
    fail('a', 'b')
    await made()
    expect(written).toEqual([])
    expect(await soon(reporter.flush())).toBe(true)
    expect(written).toEqual(['a', 'b'])
    expect(reporter.stats.hooks.batch).toMatchObject({ delivered: 2, failed: 0 })
    expect(clock.pending).toBe(0)
  })

  test('when a hook has written what it came to only after a while', async () => {
    const looked = deferred<void>()
    const [lines, written]: [string[], string[]] = [[], []]
    const { reporter, fail, made } = scene([
      {
        name: 'look up',
        async fire({ error }) {
          await looked.promise
          lines.push(error!.message)
        },
        flush: () => void written.push(...lines.splice(0)),
      },
    ])
    fail('a')
    await made()
    const flushed = reporter.flush()
    looked.resolve()
    expect(await soon(flushed)).toBe(true)
    expect(written).toEqual(['a'])
  })

  test('when the counts have been told that other reports came with', async () => {
    const told: unknown[] = []
    const { reporter, fail, made } = scene([
      { name: 'send', fire: ({ count }) => told.push(count), flush: () => told.push('flush') },
    ])
    fail('a', 'a', 'a')
    await made()
    expect(await soon(reporter.flush())).toBe(true)
    expect(told.slice(0, 3)).toEqual([1, 2, 'flush'])
  })

  test('also if reports have failed: what was thrown over them is told by the numbers', async () => {
    const { reporter, fail, made } = scene([{ name: 'bad', fire: () => raise(boom) }])
    fail('a')
    await made()
    expect(await soon(reporter.flush())).toBe(true)
    expect(reporter.stats.hooks.bad).toMatchObject({ failed: 1 })
  })

  test('once what came meanwhile has been told, too, and leaves no window open', async () => {
    const work = [deferred<void>(), deferred<void>()]
    const [first, second] = work
    const { reporter, fail, made, clock, messages } = scene([
      { name: 'slow', fire: () => work.shift()?.promise },
    ])
    fail('a')
    await made()
    const flushed = reporter.flush()
    fail('b', 'b')
    await made()
    first!.resolve()
    await clock.advance(0)
    expect(await isSettled(flushed)).toBe(false)
    second!.resolve()
    expect(await soon(flushed)).toBe(true)
    expect(messages()).toEqual(['a', 'b', 'b'])
    expect(clock.pending).toBe(0)
  })

  test('to everybody who asks at once', async () => {
    const sending = deferred<void>()
    const flush = vi.fn(() => sending.promise)
    const { reporter, fail, made, clock, messages } = scene([{ name: 'send', flush }])
    fail('a', 'a')
    const all = [reporter.flush(), reporter.flush(), reporter.flush({ timeoutMs: 1 })]
    await made()
    await clock.advance(1)
    expect(await soon(all[2]!)).toBe(false)
    sending.resolve()
    expect(await soon(Promise.all(all))).toEqual([true, true, false])
    expect(messages()).toEqual(['a', 'a'])
    expect(clock.pending).toBe(0)
  })

  test('and the reporter works on afterwards', async () => {
    const { reporter, fail, made, messages } = scene([])
    for (let i = 0; i < 3; i++) {
      fail('a', 'a')
      await made()
      expect(await soon(reporter.flush())).toBe(true)
    }
    expect(messages()).toEqual(['a', 'a', 'a', 'a', 'a', 'a'])
    expect(reporter.stats).toMatchObject({ reported: 6, repeated: 3, pending: 0 })
  })
})

describe('flush() resolves with false', () => {
  const hanging: [name: string, hook: Hook][] = [
    ['is not done with a report', { name: 'slow', fire: never }],
    ['is not done with its flush', { name: 'slow', flush: never }],
  ]

  test.each(hanging)('when a hook %s in time', async (_, hook) => {
    const { reporter, fail, made, clock } = scene([hook], { dedupeMs: false })
    fail('a')
    await made()
    const flushed = reporter.flush()
    await clock.advance(4_999)
    expect(await isSettled(flushed)).toBe(false)
    await clock.advance(1)
    expect(await soon(flushed)).toBe(false)
    await clock.advance(10_000)
    expect(clock.pending).toBe(0)
  })

  test('but all others have been flushed by then', async () => {
    const flush = vi.fn()
    const { reporter, fail, made, clock } = scene([
      { name: 'slow', fire: never, flush: never },
      { name: 'fine', fire: () => {}, flush },
    ])
    fail('a')
    await made()
    const flushed = reporter.flush({ timeoutMs: 100 })
    await clock.advance(50)
    expect(flush).toHaveBeenCalled()
    await clock.advance(50)
    expect(await soon(flushed)).toBe(false)
  })

  test('and the signal that the hooks were given aborts then, and only then', async () => {
    const signals: AbortSignal[] = []
    const flush: Hook['flush'] = ({ signal }) => {
      signals.push(signal)
      return signals.length === 1 ? undefined : never()
    }
    const { reporter, clock } = scene([{ name: 'send', flush }])
    expect(await soon(reporter.flush())).toBe(true)
    const flushed = reporter.flush({ timeoutMs: 100 })
    await clock.advance(99)
    expect(signals.map(({ aborted }) => aborted)).toEqual([false, false])
    await clock.advance(1)
    expect(await soon(flushed)).toBe(false)
    expect(signals.map(({ aborted }) => aborted)).toEqual([false, true])
  })

  test.each([
    ['throws', () => raise(boom)],
    ['rejects', async () => raise(boom)],
  ])('when the flush of a hook %s; the others are flushed all the same', async (_, flush) => {
    const fine = vi.fn()
    const { reporter } = scene([
      { name: 'bad', flush },
      { name: 'fine', flush: fine },
    ])
    expect(await soon(reporter.flush())).toBe(false)
    expect(fine).toHaveBeenCalledTimes(1)
    expect(reporter.stats.hooks.bad).toMatchObject({ failed: 1 })
    expect(console.error).toHaveBeenCalledWith('Curfew hook failed: bad', boom)
  })

  test('when its time is up, and a flush that rejects later is no unhandled rejection', async () => {
    const work = deferred<void>()
    const { reporter, clock } = scene([{ name: 'slow', flush: () => work.promise }])
    const flushed = reporter.flush({ timeoutMs: 100 })
    await clock.advance(100)
    expect(await soon(flushed)).toBe(false)
    work.reject(boom)
    await clock.advance(0)
    expect(reporter.stats.hooks.slow).toMatchObject({ failed: 1 })
    expect(await soon(reporter.flush({ timeoutMs: 100 }))).toBe(false)
  })

  test('where one failed at first, and then did not', async () => {
    const results = [() => raise(boom), () => {}]
    const sending = deferred<void>()
    const { reporter, fail, made } = scene([
      { name: 'moody', fire: () => sending.promise, flush: () => results.shift()?.() },
    ])
    fail('a')
    await made()
    const flushed = reporter.flush()
    sending.resolve()
    expect(await soon(flushed)).toBe(false)
  })

  test('to a hook that waits for it while it is being waited for', async () => {
    let flushed: unknown
    const waiting: Hook = {
      name: 'waiting',
      async fire() {
        flushed = await reporter.flush({ timeoutMs: 100 })
      },
    }
    const { reporter, fail, made, clock } = scene([waiting])
    fail('a')
    await made()
    await clock.advance(100)
    expect(flushed).toBe(false)
    expect(reporter.stats.hooks.waiting).toMatchObject({ delivered: 1, failed: 0, pending: 0 })
  })

  test('when its hooks keep on failing requests of the same reporter', async () => {
    let stopped = false
    const again = (): void => {
      if (!stopped) guarded(get())
    }
    const reports = reporter({ hooks: [again], dedupeMs: false, maxPerMinute: Number.POSITIVE_INFINITY })
    const guarded = guard(() => raise(boom), { reporter: reports })
    guarded(get())
    expect(await reports.flush({ timeoutMs: 50 })).toBe(false)
    stopped = true
    expect(await reports.flush()).toBe(true)
  })
})

test.each([Number.POSITIVE_INFINITY, false as never])('flush() waits for ever with %s', async (timeoutMs) => {
  const work = deferred<void>()
  const { reporter, clock } = scene([{ name: 'slow', flush: () => work.promise }])
  const flushed = reporter.flush({ timeoutMs })
  await clock.advance(2 ** 33)
  expect(await isSettled(flushed)).toBe(false)
  work.resolve()
  expect(await soon(flushed)).toBe(true)
})

test.each([0, -1, Number.NaN, '5', null, true, {}])('flush() refuses %s', async (timeoutMs) => {
  const { reporter, clock } = scene([])
  const error = await thrownBy(() => reporter.flush({ timeoutMs } as never))
  expect(error).toBeInstanceOf(InvalidOptionError)
  expect(error).toMatchObject({ option: 'timeoutMs' })
  expect(clock.pending).toBe(0)
})

describe('what waits to be reported', () => {
  test('is limited: what is more is dropped and counted', async () => {
    const { reporter, fail, made, messages } = scene([], { maxQueued: 2, dedupeMs: false })
    fail('a', 'b', 'c', 'd')
    expect(reporter.stats).toMatchObject({ pending: 2, dropped: 2 })
    await made()
    expect(messages()).toEqual(['a', 'b'])
    fail('e')
    await made()
    expect(messages()).toEqual(['a', 'b', 'e'])
    expect(reporter.stats).toMatchObject({ reported: 3, pending: 0, dropped: 2 })
  })

  test('that cannot be made is counted, logged, and holds up nothing', async () => {
    const { options, reporter, made, reports } = reporting()
    const guarded = guard(() => raise(new Error('broken')), options)
    vi.spyOn(crypto.subtle, 'digest').mockRejectedValueOnce(boom)
    void guarded(get('/bad'))
    void guarded(get('/good'))
    await made()
    expect(reports).toHaveLength(1)
    expect(reporter.stats).toMatchObject({ reported: 1, failed: 1, pending: 0 })
    expect(console.error).toHaveBeenCalledWith('Curfew report failed:', boom)
    expect(await soon(reporter.flush())).toBe(true)
  })
})
