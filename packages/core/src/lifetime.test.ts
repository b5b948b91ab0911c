import { expect, test, vi } from 'vitest'
import { deferred } from '../test/support.ts'
import type { Closed } from './close-gracefully.ts'
import { InvalidOptionError } from './errors.ts'
import { type CloseOptions, Lifetime, type LifetimeOptions } from './lifetime.ts'
import { ManualClock } from './manual-clock.ts'

const closed: Closed = { finished: 0, shutDown: 0, cutOff: 0, flushed: true }

function started(options: LifetimeOptions = {}) {
  const clock = new ManualClock()
  const process = { on: vi.fn(), off: vi.fn(), exit: vi.fn() }
  const lifetime = new Lifetime(options, { clock, process })
  const ended = deferred<Closed>()
  const notice = vi.fn()
  const stop = vi.fn((_graceMs: number) => ended.promise)
  lifetime.start({ notice, stop })
  return { lifetime, clock, process, notice, stop, ends: () => ended.resolve(closed) }
}

test('it stops at once, and resolves with what became of the requests', async () => {
  const { lifetime, notice, stop, ends } = started()
  const closing = lifetime.close({ graceMs: 5 })
  expect(notice).toHaveBeenCalledOnce()
  expect(stop.mock.calls).toEqual([[5]])
  ends()
  expect(await closing).toBe(closed)
})

test('it stops once, as it was told first', async () => {
  const { lifetime, stop, ends } = started()
  const closing = lifetime.close({ graceMs: 5 })
  expect(lifetime.close({ graceMs: 0, noticeMs: 1 })).toBe(closing)
  ends()
  expect(lifetime.close()).toBe(closing)
  expect(stop.mock.calls).toEqual([[5]])
})

test('requests have ten seconds unless it is told otherwise', () => {
  const { lifetime, stop } = started()
  void lifetime.close()
  expect(stop.mock.calls).toEqual([[10_000]])
})

test('with notice it is not ready any more, and stops later', async () => {
  const { lifetime, clock, notice, stop } = started({ health: true })
  expect([lifetime.isReady, lifetime.health!.answer('GET', '/readyz')?.status]).toEqual([true, 200])
  void lifetime.close({ noticeMs: 100, graceMs: 5 })
  expect([lifetime.isReady, lifetime.health!.answer('GET', '/readyz')?.status]).toEqual([false, 503])
  expect(notice).toHaveBeenCalledOnce()
  await clock.advance(99)
  expect(stop).not.toHaveBeenCalled()
  await clock.advance(1)
  expect(stop.mock.calls).toEqual([[5]])
})

test('signals are only listened to where they were asked for', () => {
  expect(started().process.on).not.toHaveBeenCalled()
  expect(started({ signals: false }).process.on).not.toHaveBeenCalled()
  expect(started({ signals: true }).process.on).toHaveBeenCalledTimes(2)
})

test('and no longer than until it is closed', async () => {
  const { lifetime, process, ends } = started({ signals: true })
  const closing = lifetime.close()
  expect(process.off).not.toHaveBeenCalled()
  ends()
  await closing
  expect(process.off.mock.calls).toEqual(process.on.mock.calls)
})

test('nor if there is no server after all', () => {
  const { lifetime, process } = started({ signals: true })
  lifetime.abandon()
  expect(process.off.mock.calls).toEqual(process.on.mock.calls)
})

test.each<[option: string, options: unknown]>([
  ['graceMs', { graceMs: Number.NaN }],
  ['graceMs', { graceMs: -1 }],
  ['graceMs', { graceMs: '5' }],
  ['graceMs', { graceMs: null }],
  ['noticeMs', { noticeMs: -1 }],
  ['noticeMs', { noticeMs: Number.POSITIVE_INFINITY }],
  ['delayMs', { delayMs: 5 }],
  ['options', 5],
])('it does not stop for what is no option, %s', (option, options) => {
  const { lifetime, stop } = started()
  const close = () => lifetime.close(options as CloseOptions)
  expect(close).toThrow(InvalidOptionError)
  expect(close).toThrow(`Invalid option ${option}:`)
  expect([stop.mock.calls, lifetime.isReady]).toEqual([[], true])
})

test.each([0, 1.5, Number.POSITIVE_INFINITY])('%d is a grace', (graceMs) => {
  const { lifetime, stop } = started()
  void lifetime.close({ graceMs })
  expect(stop.mock.calls).toEqual([[graceMs]])
})
