import { getEventListeners } from 'node:events'
import { describe, expect, test } from 'vitest'
import { joinSignals } from './join-signals.ts'

const three = () => [new AbortController(), new AbortController(), new AbortController()] as const
const listeners = (signals: readonly AbortSignal[]): number =>
  signals.reduce((count, signal) => count + getEventListeners(signal, 'abort').length, 0)

describe('joined signals', () => {
  test.each([0, 1, 2])('abort with number %d of them, and leave no listener', (index) => {
    const controllers = three()
    const signals = controllers.map(({ signal }) => signal)
    const { signal } = joinSignals(signals)
    expect(signal.aborted).toBe(false)
    const reason = new Error('first')
    controllers[index]!.abort(reason)
    expect(signal.reason).toBe(reason)
    expect(listeners(signals)).toBe(0)
    for (const controller of controllers) controller.abort(new Error('later'))
    expect(signal.reason).toBe(reason)
  })

  test('are aborted at once when one of them is', () => {
    const [first, second] = three()
    second.abort('gone')
    const { signal } = joinSignals([first.signal, second.signal])
    expect([signal.aborted, signal.reason]).toEqual([true, 'gone'])
    expect(listeners([first.signal, second.signal])).toBe(0)
  })

  test('follow nobody once they are released', () => {
    const [first, second] = three()
    const { signal, release } = joinSignals([first.signal, second.signal])
    expect(listeners([first.signal, second.signal])).toBe(2)
    release()
    release()
    expect(listeners([first.signal, second.signal])).toBe(0)
    first.abort()
    expect(signal.aborted).toBe(false)
  })
})
