import { describe, expect, test } from 'vitest'
import { countListeners } from '../test/support.ts'
import { joinSignals } from './join-signals.ts'

const three = () => [new AbortController(), new AbortController(), new AbortController()] as const

/** How many listen to all of them together. */
function countAll(signals: readonly AbortSignal[]): () => number {
  const counts = signals.map(countListeners)
  return () => counts.reduce((sum, count) => sum + count(), 0)
}

describe('joined signals', () => {
  test.each([0, 1, 2])('abort with number %d of them, and leave no listener', (index) => {
    const controllers = three()
    const signals = controllers.map(({ signal }) => signal)
    const listening = countAll(signals)
    const { signal } = joinSignals(signals)
    expect(signal.aborted).toBe(false)
    const reason = new Error('first')
    controllers[index]!.abort(reason)
    expect(signal.reason).toBe(reason)
    expect(listening()).toBe(0)
    for (const controller of controllers) controller.abort(new Error('later'))
    expect(signal.reason).toBe(reason)
  })

  test('are aborted at once when one of them is', () => {
    const [first, second] = three()
    const listening = countAll([first.signal, second.signal])
    second.abort('gone')
    const { signal } = joinSignals([first.signal, second.signal])
    expect([signal.aborted, signal.reason]).toEqual([true, 'gone'])
    expect(listening()).toBe(0)
  })

  test('follow nobody once they are released', () => {
    const [first, second] = three()
    const listening = countAll([first.signal, second.signal])
    const { signal, release } = joinSignals([first.signal, second.signal])
    expect(listening()).toBe(2)
    release()
    release()
    expect(listening()).toBe(0)
    first.abort()
    expect(signal.aborted).toBe(false)
  })
})
