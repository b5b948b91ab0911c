import { describe, expect, test, vi } from 'vitest'
import { thrownBy } from '../test/support.ts'
import { Deadline } from './deadline.ts'
import { ManualClock } from './manual-clock.ts'

function deadlineAfter(timeoutMs: number, inboundMs: number = Number.POSITIVE_INFINITY) {
  const clock = new ManualClock()
  clock.block(1_000)
  const moved = vi.fn()
  return { clock, moved, deadline: new Deadline(clock, clock.now(), timeoutMs, inboundMs, moved) }
}

describe('a deadline', () => {
  test('is an instant on the clock of the guard', () => {
    const { deadline, clock } = deadlineAfter(100)
    expect(deadline.dueAt).toBe(1_100)
    expect(deadline.timeoutMs).toBe(100)
    expect(deadline.remainingMs()).toBe(100)
    clock.block(30)
    expect(deadline.remainingMs()).toBe(70)
    expect(deadline.timeoutMs).toBe(100)
  })

  test('has nothing left once it is past, and never less', () => {
    const { deadline, clock } = deadlineAfter(100)
    clock.block(100)
    expect(deadline.remainingMs()).toBe(0)
    clock.block(100)
    expect(deadline.remainingMs()).toBe(0)
  })

  test('that there is none of has everything left', () => {
    const { deadline, clock } = deadlineAfter(Number.POSITIVE_INFINITY)
    clock.block(1_000_000)
    expect([deadline.dueAt, deadline.timeoutMs, deadline.remainingMs()]).toEqual([
      Number.POSITIVE_INFINITY,
      Number.POSITIVE_INFINITY,
      Number.POSITIVE_INFINITY,
    ])
  })

  test('is set from now on', () => {
    const { deadline, clock, moved } = deadlineAfter(100)
    clock.block(60)
    deadline.set(500)
    expect([deadline.dueAt, deadline.timeoutMs, deadline.remainingMs()]).toEqual([1_560, 500, 500])
    expect(moved.mock.calls).toEqual([[1_560]])
  })

  test('is extended from where it was', () => {
    const { deadline, clock, moved } = deadlineAfter(100)
    clock.block(60)
    deadline.extend(500)
    expect([deadline.dueAt, deadline.timeoutMs, deadline.remainingMs()]).toEqual([1_600, 600, 540])
    expect(moved.mock.calls).toEqual([[1_600]])
  })

  test('is set again once it is past', () => {
    const { deadline, clock } = deadlineAfter(100)
    clock.block(150)
    deadline.set(20)
    expect(deadline.remainingMs()).toBe(20)
  })

  test.each([
    ['disable()', (deadline: Deadline) => deadline.disable()],
    ['set(false)', (deadline: Deadline) => deadline.set(false)],
    ['set(Infinity)', (deadline: Deadline) => deadline.set(Number.POSITIVE_INFINITY)],
    ['extend(Infinity)', (deadline: Deadline) => deadline.extend(Number.POSITIVE_INFINITY)],
  ])('is turned off by %s, and on again by set()', (_, off) => {
    const { deadline, moved } = deadlineAfter(100)
    off(deadline)
    expect(deadline.remainingMs()).toBe(Number.POSITIVE_INFINITY)
    expect(moved).toHaveBeenLastCalledWith(Number.POSITIVE_INFINITY)
    deadline.set(40)
    expect(deadline.remainingMs()).toBe(40)
    expect(moved).toHaveBeenLastCalledWith(1_040)
  })

  test('that is off is not turned on by extending it', () => {
    const { deadline } = deadlineAfter(100)
    deadline.disable()
    deadline.extend(5)
    expect(deadline.remainingMs()).toBe(Number.POSITIVE_INFINITY)
  })

  test.each([0, -1, Number.NaN, Number.NEGATIVE_INFINITY, '5', null, undefined, true, {}, 5n])(
    'refuses %s, names it, and stays as it was',
    async (bad) => {
      const { deadline, moved } = deadlineAfter(100)
      const fromSet = await thrownBy(() => deadline.set(bad as number))
      expect(fromSet).toMatchObject({ code: 'INVALID_OPTION', option: 'timeoutMs' })
      expect(fromSet).toBeInstanceOf(TypeError)
      const fromExtend = await thrownBy(() => deadline.extend(bad as number))
      expect(fromExtend).toMatchObject({ code: 'INVALID_OPTION', option: 'ms' })
      expect(deadline.remainingMs()).toBe(100)
      expect(moved).not.toHaveBeenCalled()
    },
  )

  test('does not move once the request has ended', () => {
    const { deadline, moved } = deadlineAfter(100)
    deadline.end()
    deadline.set(500)
    deadline.extend(500)
    deadline.disable()
    expect([deadline.dueAt, deadline.timeoutMs]).toEqual([1_100, 100])
    expect(moved).not.toHaveBeenCalled()
  })
})

describe('what the request itself allowed', () => {
  test('shortens the deadline', () => {
    const { deadline } = deadlineAfter(100, 30)
    expect([deadline.dueAt, deadline.timeoutMs]).toEqual([1_030, 30])
  })

  test('does not lengthen it', () => {
    const { deadline } = deadlineAfter(100, 300)
    expect([deadline.dueAt, deadline.timeoutMs]).toEqual([1_100, 100])
  })

  test.each([
    ['set()', (deadline: Deadline) => deadline.set(10_000)],
    ['set(false)', (deadline: Deadline) => deadline.set(false)],
    ['extend()', (deadline: Deadline) => deadline.extend(10_000)],
    ['extend(Infinity)', (deadline: Deadline) => deadline.extend(Number.POSITIVE_INFINITY)],
    ['disable()', (deadline: Deadline) => deadline.disable()],
  ])('is as far as %s goes', (_, lengthen) => {
    const { deadline, clock, moved } = deadlineAfter(100, 300)
    clock.block(50)
    lengthen(deadline)
    expect([deadline.dueAt, deadline.timeoutMs, deadline.remainingMs()]).toEqual([1_300, 300, 250])
    expect(moved).toHaveBeenLastCalledWith(1_300)
  })

  test('leaves room to move below it', () => {
    const { deadline, clock } = deadlineAfter(100, 300)
    deadline.disable()
    clock.block(50)
    deadline.set(20)
    expect([deadline.dueAt, deadline.timeoutMs]).toEqual([1_070, 20])
    deadline.extend(30)
    expect([deadline.dueAt, deadline.timeoutMs]).toEqual([1_100, 50])
  })
})
