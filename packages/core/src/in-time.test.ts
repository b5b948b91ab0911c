import { describe, expect, test, vi } from 'vitest'
import { deferred, soon, thrownBy } from '../test/support.ts'
import { inTime } from './in-time.ts'
import { ManualClock } from './manual-clock.ts'

const boom = new Error('boom')
const late = new Error('late')

describe('inTime()', () => {
  test('settles as the work does, and leaves no timer', async () => {
    const clock = new ManualClock()
    expect(await soon(inTime(clock, 100, Promise.resolve('done'), () => late))).toBe('done')
    expect(await thrownBy(() => inTime(clock, 100, Promise.reject(boom), () => late))).toBe(boom)
    expect(clock.pending).toBe(0)
  })

  test('rejects with what is made when the time is over, not before', async () => {
    const clock = new ManualClock()
    const make = vi.fn(() => late)
    const result = inTime(clock, 100, deferred().promise, make).catch((error: unknown) => error)
    await clock.advance(99)
    expect(make).not.toHaveBeenCalled()
    await clock.advance(1)
    expect(await soon(result)).toBe(late)
    expect(make).toHaveBeenCalledTimes(1)
    expect(clock.pending).toBe(0)
  })

  test('does not care any more how the work settles then', async () => {
    const clock = new ManualClock()
    const work = deferred<string>()
    const result = inTime(clock, 100, work.promise, () => late).catch((error: unknown) => error)
    await clock.advance(100)
    // An unhandled rejection would fail the run.
    work.reject(boom)
    await clock.advance(0)
    expect(await soon(result)).toBe(late)
  })

  test('takes what can be awaited, and what throws when it is', async () => {
    const clock = new ManualClock()
    const then = (): never => {
      throw boom
    }
    expect(await thrownBy(() => inTime(clock, 100, { then } as never, () => late))).toBe(boom)
    expect(clock.pending).toBe(0)
  })

  test('waits for ever without a timer', async () => {
    const clock = new ManualClock()
    const work = deferred<string>()
    const result = inTime(clock, Number.POSITIVE_INFINITY, work.promise, () => late)
    expect(clock.pending).toBe(0)
    await clock.advance(2 ** 40)
    work.resolve('done')
    expect(await soon(result)).toBe('done')
  })

  test('never sets a timer that a runtime would take for none', async () => {
    const clock = new ManualClock()
    const set = vi.spyOn(clock, 'setTimeout')
    await soon(inTime(clock, 2 ** 40, Promise.resolve(), () => late))
    expect(set.mock.calls.map(([, ms]) => ms)).toEqual([2 ** 31 - 1])
  })
})
