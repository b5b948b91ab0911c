import { describe, expect, test } from 'vitest'
import { ManualClock } from './manual-clock.ts'
import * as testing from './testing.ts'

describe('a ManualClock', () => {
  test('is what @curfew/core/testing has', () => {
    expect(testing.ManualClock).toBe(ManualClock)
  })

  test('stands still until it is moved', async () => {
    const clock = new ManualClock()
    expect(clock.now()).toBe(0)
    await clock.advance(5)
    expect(clock.now()).toBe(5)
    clock.block(7)
    expect(clock.now()).toBe(12)
  })

  test('fires each timer at its own time, in order, and once', async () => {
    const clock = new ManualClock()
    const fired: [string, number][] = []
    const at = (name: string, ms: number) => clock.setTimeout(() => fired.push([name, clock.now()]), ms)
    at('c', 20)
    at('a', 5)
    at('b', 20)
    at('later', 31)
    expect(clock.pending).toBe(4)
    await clock.advance(30)
    expect(fired).toEqual([
      ['a', 5],
      ['c', 20],
      ['b', 20],
    ])
    expect(clock.pending).toBe(1)
  })

  test('fires timers that timers set, while there is time for them', async () => {
    const clock = new ManualClock()
    const fired: number[] = []
    const again = (): void => {
      fired.push(clock.now())
      clock.setTimeout(again, 10)
    }
    again()
    await clock.advance(35)
    expect(fired).toEqual([0, 10, 20, 30])
  })

  test('does not fire what was cleared', async () => {
    const clock = new ManualClock()
    let fired = false
    const timer = clock.setTimeout(() => {
      fired = true
    }, 5)
    clock.clearTimeout(timer)
    clock.clearTimeout(timer)
    clock.clearTimeout(undefined)
    expect(clock.pending).toBe(0)
    await clock.advance(10)
    expect(fired).toBe(false)
  })

  test('lets promises settle between timers', async () => {
    const clock = new ManualClock()
    const seen: string[] = []
    clock.setTimeout(() => {
      void Promise.resolve()
        .then(() => {})
        .then(() => seen.push('settled'))
    }, 1)
    clock.setTimeout(() => seen.push('next'), 2)
    await clock.advance(2)
    expect(seen).toEqual(['settled', 'next'])
  })

  test('fires late what came due while it was blocked', async () => {
    const clock = new ManualClock()
    const fired: number[] = []
    clock.setTimeout(() => fired.push(clock.now()), 10)
    clock.block(50)
    expect(fired).toEqual([])
    await clock.advance(0)
    expect(fired).toEqual([50])
  })

  test('never goes back', async () => {
    const clock = new ManualClock()
    const seen: number[] = []
    clock.setTimeout(() => {
      clock.block(100)
      seen.push(clock.now())
    }, 5)
    clock.setTimeout(() => seen.push(clock.now()), 6)
    await clock.advance(10)
    seen.push(clock.now())
    expect(seen).toEqual([...seen].sort((a, b) => a - b))
  })
})
