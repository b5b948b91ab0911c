import { afterEach, describe, expect, test, vi } from 'vitest'
import { systemClock } from './clock.ts'
import { ManualClock } from './manual-clock.ts'
import { leave, type Waiting, WaitingList } from './waiting-list.ts'

/** A list of 100 ms, and what it tells. */
function list({ clock = new ManualClock(), ms = 100 } = {}) {
  const told: string[] = []
  const own = new WaitingList(clock, ms)
  const timers = vi.spyOn(clock, 'setTimeout')

  function come(name: string, startedAt = clock.now(), ring = (): void => {}): Waiting {
    const waiting: Waiting = {
      startedAt,
      previous: undefined,
      next: undefined,
      ring() {
        told.push(`${name} at ${clock.now()}`)
        ring()
      },
    }
    own.add(waiting)
    return waiting
  }
  return { clock, told, timers, come }
}

afterEach(() => {
  vi.restoreAllMocks()
})

describe('a waiting list', () => {
  test('tells each at its own time, with one timer for all of them', async () => {
    const { clock, told, come } = list()
    come('a')
    await clock.advance(30)
    come('b')
    come('c')
    await clock.advance(20)
    come('d')
    expect(clock.pending).toBe(1)
    await clock.advance(49)
    expect(told).toEqual([])
    await clock.advance(1_000)
    expect(told).toEqual(['a at 100', 'b at 130', 'c at 130', 'd at 150'])
    expect(clock.pending).toBe(0)
  })

  test('does not tell who has left, from whatever place', async () => {
    const { clock, told, come } = list()
    const [first, , middle, , last] = ['a', 'b', 'c', 'd', 'e'].map((name) => come(name))
    for (const waiting of [middle!, first!, last!, last!]) leave(waiting)
    await clock.advance(100)
    expect(told).toEqual(['b at 100', 'd at 100'])
  })

  test('has no timer once the last has left', () => {
    const { clock, come } = list()
    const all = [come('a'), come('b')]
    for (const waiting of all) leave(waiting)
    expect(clock.pending).toBe(0)
  })

  test('sets no timer for who comes and goes while others wait', () => {
    const { timers, come } = list()
    come('a')
    for (let i = 0; i < 100; i++) leave(come('b'))
    expect(timers).toHaveBeenCalledTimes(1)
  })

  test('can be come to again, also while it tells', async () => {
    const { clock, told, come } = list()
    come('a', 0, () => come('b'))
    await clock.advance(500)
    expect(told).toEqual(['a at 100', 'b at 200'])
  })

  test('may be left by others while it tells', async () => {
    const { clock, told, come } = list()
    const others: Waiting[] = []
    come('a', 0, () => others.forEach(leave))
    others.push(come('b'), come('c'))
    await clock.advance(500)
    expect(told).toEqual(['a at 100'])
    expect(clock.pending).toBe(0)
  })

  test('tells the others although one throws', async () => {
    const { clock, told, come } = list()
    come('a', 0, () => {
      throw new Error('boom')
    })
    come('b')
    await expect(clock.advance(100)).rejects.toThrow('boom')
    await clock.advance(0)
    expect(told).toEqual(['a at 100', 'b at 100'])
  })

  test('tells first who has begun first, whenever it came', async () => {
    const { clock, told, come } = list()
    await clock.advance(50)
    come('c')
    come('a', 10)
    come('b', 20)
    await clock.advance(200)
    expect(told).toEqual(['a at 110', 'b at 120', 'c at 150'])
  })

  test('needs no timer to wait for ever', () => {
    const { timers, come } = list({ ms: Number.POSITIVE_INFINITY })
    leave(come('a'))
    come('b')
    expect(timers).not.toHaveBeenCalled()
  })

  test('waits any time, with no timer that a runtime cannot keep', async () => {
    const year = 365 * 24 * 3_600_000
    const { clock, told, timers, come } = list({ ms: year })
    come('a')
    await clock.advance(year - 1)
    expect(told).toEqual([])
    await clock.advance(1)
    expect(told).toEqual([`a at ${year}`])
    for (const [, ms] of timers.mock.calls) expect(ms).toBeLessThanOrEqual(2 ** 31 - 1)
  })

  test('never tells early, on a clock whose timers do, and of fractions of a millisecond', async () => {
    class EarlyClock extends ManualClock {
      override setTimeout(callback: () => void, ms: number): unknown {
        return super.setTimeout(callback, ms > 3 ? Math.ceil(ms / 2) : ms)
      }
    }
    const { clock, told, come } = list({ clock: new EarlyClock(), ms: 0.1 })
    clock.block(0.7)
    come('a')
    await clock.advance(0.05)
    expect(told).toEqual([])
    await clock.advance(5)
    expect(told).toHaveLength(1)

    const long = list({ clock: new EarlyClock(), ms: 1_000 })
    long.come('b')
    await long.clock.advance(2_000)
    expect(long.told).toEqual(['b at 1000'])
  })
})

describe('a waiting list of an event loop that is busy, with somebody who comes in each turn', () => {
  /** As of Node: a timer never fires in the turn in which it was set. */
  class TurningClock extends ManualClock {
    override setTimeout(callback: () => void, ms: number): unknown {
      return super.setTimeout(callback, Math.max(ms, 1))
    }
  }

  test('tells in time, however long the turns are', async () => {
    const { clock, told, come } = list({ clock: new TurningClock() })
    come('a')
    for (let turn = 0; turn < 10; turn++) {
      await clock.advance(0)
      clock.block(150)
      come('another')
    }
    expect(told[0]).toMatch(/^a at/)
  })

  test('tells in time, however short they are after a long one', async () => {
    const { clock, told, come } = list({ clock: new TurningClock() })
    come('a')
    clock.block(300)
    for (let turn = 0; turn < 10; turn++) {
      come('another')
      await clock.advance(0.5)
    }
    expect(told[0]).toMatch(/^a at/)
  })
})

describe('a waiting list, when many are due at once', () => {
  test('tells them in slices, with a turn of the event loop in between', async () => {
    const { clock, told, come } = list()
    for (let i = 0; i < 2_500; i++) come(`${i}`)
    const seen: number[] = []
    const look = (): void => {
      seen.push(told.length)
      if (told.length < 2_500) clock.setTimeout(look, 0)
    }
    clock.setTimeout(look, 100)
    await clock.advance(100)
    expect(told).toHaveLength(2_500)
    expect(seen).toEqual([1_000, 2_000, 2_500])
  })
})

describe('a waiting list on a loop that was blocked', () => {
  test('lets what is ready go first, once for all who are late', async () => {
    const { clock, told, come } = list()
    come('a')
    come('b')
    clock.block(300)
    clock.setTimeout(() => told.push('read'), 0)
    await clock.advance(0)
    expect(told).toEqual(['read', 'a at 300', 'b at 300'])
  })

  test('tells at once when it is only a little late', async () => {
    const { clock, told, come } = list()
    come('a')
    clock.block(110)
    clock.setTimeout(() => told.push('read'), 0)
    await clock.advance(0)
    expect(told).toEqual(['a at 110', 'read'])
  })

  test('does so again the next time, also after all have left in that turn', async () => {
    const { clock, told, come } = list()
    let waiting = come('a')
    for (let round = 1; round <= 3; round++) {
      clock.block(300)
      clock.setTimeout(() => {
        told.push(`read ${round}`)
        if (round === 3) return
        leave(waiting)
        waiting = come('b')
      }, 0)
      await clock.advance(0)
    }
    expect(told).toEqual(['read 1', 'read 2', 'read 3', 'b at 900'])
  })
})

describe('a waiting list on the clock of the runtime', () => {
  const ringing = (own: WaitingList): Promise<void> =>
    new Promise((ring) => {
      own.add({ startedAt: systemClock.now(), previous: undefined, next: undefined, ring })
    })

  test.each([10, 60])('tells after %i ms, not before', async (ms) => {
    const own = new WaitingList(systemClock, ms)
    for (let round = 0; round < 2; round++) {
      const startedAt = systemClock.now()
      await ringing(own)
      expect(systemClock.now() - startedAt).toBeGreaterThanOrEqual(ms)
    }
  })

  test('gets over a timer that never fires, as fake ones of tests that are over do', async () => {
    const own = new WaitingList(systemClock, 10)
    const lost = vi.spyOn(systemClock, 'setTimeout').mockReturnValue(undefined)
    void ringing(own)
    await Promise.resolve()
    expect(lost).toHaveBeenCalledTimes(1)
    vi.restoreAllMocks()
    const { now } = systemClock
    vi.spyOn(systemClock, 'now').mockImplementation(() => now() + 1_000)
    await ringing(own)
  })
})
