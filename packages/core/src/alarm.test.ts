import { describe, expect, test, vi } from 'vitest'
import { Alarm } from './alarm.ts'
import { ManualClock } from './manual-clock.ts'

function alarm(clock = new ManualClock()) {
  const rung: { at: number; lateMs: number }[] = []
  const timers = vi.spyOn(clock, 'setTimeout')
  const own = new Alarm(clock, (lateMs) => rung.push({ at: clock.now(), lateMs }))
  return { clock, rung, timers, alarm: own }
}

describe('an alarm', () => {
  test('rings once, at its instant', async () => {
    const { clock, rung, alarm: own } = alarm()
    own.set(100)
    await clock.advance(99)
    expect(rung).toEqual([])
    await clock.advance(1_000)
    expect(rung).toEqual([{ at: 100, lateMs: 0 }])
    expect(clock.pending).toBe(0)
  })

  test('rings at once for an instant that is past', async () => {
    const { clock, rung, alarm: own } = alarm()
    clock.block(50)
    own.set(45)
    await clock.advance(0)
    expect(rung).toEqual([{ at: 50, lateMs: 5 }])
  })

  test('never rings for Infinity, and needs no timer for it', async () => {
    const { clock, rung, timers, alarm: own } = alarm()
    own.set(Number.POSITIVE_INFINITY)
    await clock.advance(2 ** 40)
    expect(rung).toEqual([])
    expect(timers).not.toHaveBeenCalled()
  })

  test('rings at the earlier instant when it is moved there', async () => {
    const { clock, rung, alarm: own } = alarm()
    own.set(100)
    own.set(30)
    expect(clock.pending).toBe(1)
    await clock.advance(200)
    expect(rung).toEqual([{ at: 30, lateMs: 0 }])
  })

  test('rings at the later instant when it is moved there, without a new timer', async () => {
    const { clock, rung, timers, alarm: own } = alarm()
    own.set(100)
    own.set(150)
    own.set(200)
    expect(timers).toHaveBeenCalledTimes(1)
    await clock.advance(199)
    expect(rung).toEqual([])
    await clock.advance(1)
    expect(rung).toEqual([{ at: 200, lateMs: 0 }])
  })

  test('does not ring when it is moved to Infinity', async () => {
    const { clock, rung, alarm: own } = alarm()
    own.set(100)
    own.set(Number.POSITIVE_INFINITY)
    await clock.advance(1_000)
    expect(rung).toEqual([])
    expect(clock.pending).toBe(0)
  })

  test('does not ring after it is cleared, until it is set again', async () => {
    const { clock, rung, alarm: own } = alarm()
    own.set(100)
    own.clear()
    own.clear()
    expect(clock.pending).toBe(0)
    await clock.advance(200)
    expect(rung).toEqual([])
    own.set(250)
    await clock.advance(50)
    expect(rung).toEqual([{ at: 250, lateMs: 0 }])
  })

  test('rings again when it is set again', async () => {
    const { clock, rung, alarm: own } = alarm()
    own.set(10)
    await clock.advance(10)
    own.set(20)
    await clock.advance(10)
    expect(rung).toEqual([
      { at: 10, lateMs: 0 },
      { at: 20, lateMs: 0 },
    ])
  })

  test('can be set from its own ring', async () => {
    const clock = new ManualClock()
    const rung: number[] = []
    const own: Alarm = new Alarm(clock, () => {
      rung.push(clock.now())
      if (rung.length < 3) own.set(clock.now() + 10)
    })
    own.set(10)
    await clock.advance(100)
    expect(rung).toEqual([10, 20, 30])
  })

  test('waits any time, with no timer that a runtime cannot keep', async () => {
    const { clock, rung, timers, alarm: own } = alarm()
    const year = 365 * 24 * 3_600_000
    own.set(year)
    await clock.advance(year - 1)
    expect(rung).toEqual([])
    await clock.advance(1)
    expect(rung).toEqual([{ at: year, lateMs: 0 }])
    for (const [, ms] of timers.mock.calls) expect(ms).toBeLessThanOrEqual(2 ** 31 - 1)
  })

  test('never rings early for a fraction of a millisecond', async () => {
    const { clock, rung, timers, alarm: own } = alarm()
    own.set(10.25)
    for (const [, ms] of timers.mock.calls) expect(Number.isInteger(ms)).toBe(true)
    await clock.advance(10)
    expect(rung).toEqual([])
    await clock.advance(1)
    expect(rung).toEqual([{ at: 11, lateMs: 0.75 }])
  })

  test('never rings early on a clock whose timers do', async () => {
    class EarlyClock extends ManualClock {
      override setTimeout(callback: () => void, ms: number): unknown {
        return super.setTimeout(callback, ms > 3 ? Math.ceil(ms / 2) : ms)
      }
    }
    const { clock, rung, alarm: own } = alarm(new EarlyClock())
    own.set(1_000)
    await clock.advance(2_000)
    expect(rung).toEqual([{ at: 1_000, lateMs: 0 }])
  })
})

describe('an alarm on a loop that was blocked', () => {
  const order = (events: string[], clock: ManualClock) =>
    new Alarm(clock, (lateMs) => events.push(`rang ${lateMs} ms late`))

  test('lets what is ready go first, once', async () => {
    const clock = new ManualClock()
    const events: string[] = []
    order(events, clock).set(100)
    clock.block(300)
    clock.setTimeout(() => events.push('read'), 0)
    await clock.advance(0)
    expect(events).toEqual(['read', 'rang 200 ms late'])
  })

  test('rings directly when it is only a little late', async () => {
    const clock = new ManualClock()
    const events: string[] = []
    order(events, clock).set(100)
    clock.block(110)
    clock.setTimeout(() => events.push('read'), 0)
    await clock.advance(0)
    expect(events).toEqual(['rang 10 ms late', 'read'])
  })

  test('does so again the next time, after it has rung', async () => {
    const clock = new ManualClock()
    const events: string[] = []
    const own = order(events, clock)
    for (let round = 0; round < 2; round++) {
      own.set(clock.now() + 100)
      clock.block(300)
      clock.setTimeout(() => events.push('read'), 0)
      await clock.advance(0)
    }
    expect(events).toEqual(['read', 'rang 200 ms late', 'read', 'rang 200 ms late'])
  })

  test.each<[string, (own: Alarm) => void]>([
    ['cleared', (own) => own.clear()],
    ['moved', () => {}],
  ])('does so again the next time, after it was %s in that turn', async (_, change) => {
    const clock = new ManualClock()
    const events: string[] = []
    const own = order(events, clock)
    own.set(100)
    clock.block(300)
    clock.setTimeout(() => {
      events.push('read')
      change(own)
      own.set(clock.now() + 100)
    }, 0)
    await clock.advance(0)
    expect(events).toEqual(['read'])
    clock.block(300)
    clock.setTimeout(() => events.push('read'), 0)
    await clock.advance(0)
    expect(events).toEqual(['read', 'read', 'rang 200 ms late'])
  })
})
