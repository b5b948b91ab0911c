import { describe, expect, test, vi } from 'vitest'
import { deferred, thrownBy } from '../test/support.ts'
import { Afterwards } from './afterwards.ts'
import { type Closing, closeGracefully } from './close-gracefully.ts'

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
  const afterwards = new Afterwards()
  afterwards.told({ flush, start: vi.fn() })
  const own: Closing = {
    ended: ended.promise,
    shutDown: step('shutDown'),
    cutOff: step('cutOff'),
    toll: () => ({ total: 6, shutDown: 2, cutOff: 1 }),
    afterwards,
  }
  return { own, steps, ended, flush }
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

  test('it is told what became of the requests', async () => {
    const { own } = closing('shutDown')
    expect(await closeGracefully(0, own)).toEqual({ finished: 3, shutDown: 2, cutOff: 1, flushed: true })
  })

  test('and whether the reports have gone where they go', async () => {
    const { own, flush } = closing('once')
    flush.mockResolvedValue(false)
    expect(await closeGracefully(0, own)).toMatchObject({ flushed: false })
  })
})
