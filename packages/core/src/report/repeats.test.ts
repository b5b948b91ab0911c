import { describe, expect, onTestFinished, test } from 'vitest'
import { expectPlain, reporting } from '../../test/reporting.ts'
import { get, soon } from '../../test/support.ts'
import { guard } from '../index.ts'
import type { ReporterOptions } from '../report.ts'

function scene(options: Partial<ReporterOptions> = {}) {
  const { options: given, ...watched } = reporting({ dedupeMs: 1_000, ...options })
  const guarded = guard((request) => {
    throw new Error(new URL(request.url).pathname.slice(1))
  }, given)
  return {
    ...watched,
    /** Requests that all fail with this message. */
    async fail(message: string, times = 1): Promise<void> {
      for (let i = 0; i < times; i++) void guarded(get(`/${message}`))
      await watched.made()
    },
    /** What was told: message and count, with a `+` where it is the count of repeats. */
    told: () =>
      watched.reports.map(({ error, count, repeatOf }) => `${error!.message} ${repeatOf ? '+' : ''}${count}`),
  }
}

describe('the same crash', () => {
  test('is told whole once, and then as a count, when its time is over', async () => {
    const date = stoppedDate()
    const formatTime = (time: Date): string => `time ${time.getTime()}`
    const { fail, told, clock, reports, thrown, reporter } = scene({ formatTime })
    await fail('a', 3)
    expect(told()).toEqual(['a 1'])
    await clock.advance(500)
    date.now = 5
    await fail('a', 2)
    date.now = 9
    await clock.advance(499)
    expect(told()).toEqual(['a 1'])
    await clock.advance(1)
    expect(told()).toEqual(['a 1', 'a +4'])
    const [first, count] = reports
    expect(count).toEqual({ ...first, id: count!.id, count: 4, repeatOf: first!.id, time: 'time 5' })
    expect(count!.id).not.toBe(first!.id)
    expect(thrown).toEqual([expect.any(Error), undefined])
    reports.forEach(expectPlain)
    expect(clock.pending).toBe(0)
    expect(reporter.stats).toMatchObject({ reported: 2, repeated: 4 })
  })

  test('is told whole again after that', async () => {
    const { fail, told, clock } = scene()
    await fail('a', 2)
    await clock.advance(1_000)
    await fail('a', 2)
    await clock.advance(1_000)
    expect(told()).toEqual(['a 1', 'a +1', 'a 1', 'a +1'])
    expect(clock.pending).toBe(0)
  })

  test('is told by the next crash, whichever that is, where the timer has gone with its request', async () => {
    const { fail, told, clock } = scene()
    const setTimeout = clock.setTimeout.bind(clock)
    clock.setTimeout = (callback, ms) => (ms === 1_000 ? undefined : setTimeout(callback, ms))
    await fail('a', 3)
    await fail('b', 2)
    await clock.advance(1_000)
    expect(told()).toEqual(['a 1', 'b 1'])
    await fail('b')
    expect(told()).toEqual(['a 1', 'b 1', 'a +2', 'b +1', 'b 1'])
  })

  test('is not counted where it happened once', async () => {
    const { fail, told, clock } = scene()
    await fail('a')
    await clock.advance(1_000)
    expect(told()).toEqual(['a 1'])
    expect(clock.pending).toBe(0)
  })

  test('does not make its time longer by happening again', async () => {
    const { fail, told, clock } = scene()
    await fail('a')
    await clock.advance(900)
    await fail('a')
    await clock.advance(100)
    expect(told()).toEqual(['a 1', 'a +1'])
  })

  test('has a time of its own, whatever else happens', async () => {
    const { fail, told, clock } = scene()
    await fail('a', 2)
    await clock.advance(600)
    await fail('b', 3)
    await clock.advance(400)
    expect(told()).toEqual(['a 1', 'b 1', 'a +1'])
    await clock.advance(600)
    expect(told()).toEqual(['a 1', 'b 1', 'a +1', 'b +2'])
  })

  test('is told at flush(), which leaves no timer', async () => {
    const { fail, told, clock, reporter } = scene()
    await fail('a', 3)
    await fail('b')
    expect(clock.pending).toBe(2)
    expect(await soon(reporter.flush())).toBe(true)
    expect(told()).toEqual(['a 1', 'b 1', 'a +2'])
    expect(clock.pending).toBe(0)
    await fail('a')
    expect(told()).toEqual(['a 1', 'b 1', 'a +2', 'a 1'])
  })

  test('is told whole each time with `dedupeMs: false`', async () => {
    const { fail, told, clock, reporter } = scene({ dedupeMs: false })
    await fail('a', 3)
    expect(told()).toEqual(['a 1', 'a 1', 'a 1'])
    expect(clock.pending).toBe(0)
    expect(reporter.stats.repeated).toBe(0)
  })

  test.each([Number.POSITIVE_INFINITY, 2 ** 40])(
    'is counted until flush() with `dedupeMs: %d`',
    async (dedupeMs) => {
      const { fail, told, clock, reporter } = scene({ dedupeMs })
      await fail('a', 2)
      await clock.advance(1_000_000)
      expect(told()).toEqual(['a 1'])
      await soon(reporter.flush())
      expect(told()).toEqual(['a 1', 'a +1'])
      expect(clock.pending).toBe(0)
    },
  )

  test('is another one where the request ended otherwise', async () => {
    const { options, reports, clock, made } = reporting({ on: ['timed-out', 'late'] })
    const guarded = guard(
      (request) =>
        new Promise((_, reject) => request.signal.addEventListener('abort', () => reject(new Error('a')))),
      { ...options, timeoutMs: 10 },
    )
    void guarded(get())
    void guarded(get())
    await clock.advance(10)
    await made()
    expect(reports.map(({ kind }) => kind)).toEqual(['timed-out', 'late'])
  })
})

describe('of more than 200 different crashes at once', () => {
  test('the count of the oldest is told early, and the next one like it is whole again', async () => {
    const { fail, told, clock, reporter } = scene({ maxPerMinute: Number.POSITIVE_INFINITY })
    const names = Array.from({ length: 200 }, (_, index) => letters(index))
    await fail('oldest', 2)
    for (const name of names.slice(0, 199)) void fail(name)
    await fail('oldest')
    expect(told()).toHaveLength(200)
    expect(clock.pending).toBe(200)
    await fail(names[199]!)
    expect(told().slice(200)).toEqual(['oldest +2', `${names[199]} 1`])
    expect(clock.pending).toBe(200)
    await fail('oldest')
    expect(told().at(-1)).toBe('oldest 1')
    expect(await reporter.flush()).toBe(true)
    expect(clock.pending).toBe(0)
  })
})

/** New dates say whatever time they are told to, until the test is over. */
function stoppedDate(): { now: number } {
  const { Date: RealDate } = globalThis
  const stopped = { now: 0 }
  globalThis.Date = class extends RealDate {
    constructor(time: number = stopped.now) {
      super(time)
    }
  } as DateConstructor
  onTestFinished(() => {
    globalThis.Date = RealDate
  })
  return stopped
}

/** A word for a number: digits make no difference between crashes. */
function letters(index: number): string {
  return [...index.toString().padStart(3, '0')].map((digit) => 'abcdefghij'[Number(digit)]).join('')
}
