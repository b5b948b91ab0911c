import { describe, expect, test, vi } from 'vitest'
import { deferred, thrownBy } from '../test/support.ts'
import { type Closing, checkGraceMs, closeGracefully, closeOnce } from './close-gracefully.ts'
import { InvalidOptionError } from './errors.ts'

/** A server that ends when it is told what it waits for. */
function closing(endsAt: 'once' | 'shutDown' | 'cutOff') {
  const ended = deferred<void>()
  const steps: string[] = []
  const step = (name: string) => () => {
    steps.push(name)
    if (endsAt === name) ended.resolve()
  }
  if (endsAt === 'once') ended.resolve()
  const flush = vi.fn(async () => {
    steps.push('flush')
    return true
  })
  const reporter = { flush, start: vi.fn() }
  const own: Closing = {
    ended: ended.promise,
    shutDown: step('shutDown'),
    cutOff: step('cutOff'),
    reporter,
  }
  return { own, steps, ended }
}

describe('closeGracefully()', () => {
  test('a server whose requests end in time is let alone', async () => {
    const { own, steps } = closing('once')
    await closeGracefully(Number.POSITIVE_INFINITY, own)
    expect(steps).toEqual(['flush'])
  })

  test('after the grace the handlers are answered for', async () => {
    const { own, steps } = closing('shutDown')
    await closeGracefully(0, own)
    expect(steps).toEqual(['shutDown', 'flush'])
  })

  test('what is left after that is cut off', async () => {
    const atOnce = (callback: () => void): never => void queueMicrotask(callback) as never
    const setTimeout = vi.spyOn(globalThis, 'setTimeout').mockImplementation(atOnce)
    try {
      const { own, steps } = closing('cutOff')
      await closeGracefully(0, own)
      expect(steps).toEqual(['shutDown', 'cutOff', 'flush'])
    } finally {
      setTimeout.mockRestore()
    }
  })

  test('the reports are flushed, too, when the server fails to end, and the failure is handed on', async () => {
    const { own, steps, ended } = closing('shutDown')
    const boom = new Error('boom')
    ended.reject(boom)
    expect(await thrownBy(() => closeGracefully(1_000, own))).toBe(boom)
    expect(steps).toEqual(['flush'])
  })
})

describe('checkGraceMs()', () => {
  test.each([0, 1.5, Number.POSITIVE_INFINITY])('takes %d', (graceMs) => {
    expect(() => checkGraceMs(graceMs)).not.toThrow()
  })

  test.each([-1, Number.NaN, '10', null, undefined])('refuses %s, naming the option', (graceMs) => {
    expect(() => checkGraceMs(graceMs)).toThrow(InvalidOptionError)
    expect(() => checkGraceMs(graceMs)).toThrow('graceMs')
  })
})

describe('closeOnce()', () => {
  test('stops once, however often it is called, by the grace of the first time', async () => {
    const stop = vi.fn(async () => {})
    const close = closeOnce(stop)
    const closed = close({ graceMs: 5 })
    expect(close({ graceMs: 0 })).toBe(closed)
    await closed
    expect(stop.mock.calls).toEqual([[5]])
  })

  test('waits for ten seconds unless it is told otherwise', async () => {
    const stop = vi.fn(async () => {})
    await closeOnce(stop)()
    expect(stop.mock.calls).toEqual([[10_000]])
  })

  test('does not stop for a grace that is none', () => {
    const stop = vi.fn(async () => {})
    expect(() => closeOnce(stop)({ graceMs: Number.NaN })).toThrow(InvalidOptionError)
    expect(stop).not.toHaveBeenCalled()
  })
})
