import { expect, test } from 'vitest'
import { keepStderr } from './keep-stderr.ts'

class Stderr {
  readonly listeners: (() => void)[] = []
  listenerCount(): number {
    return this.listeners.length
  }
  on(_: 'error', listener: () => void): void {
    this.listeners.push(listener)
  }
}

test('standard error is listened to once, and that does nothing', () => {
  const stderr = new Stderr()
  for (let count = 0; count < 3; count++) keepStderr({ process: { stderr } })
  expect(stderr.listeners).toHaveLength(1)
  stderr.listeners[0]!()
})

test('not if somebody listens already', () => {
  const stderr = new Stderr()
  stderr.on('error', () => {})
  keepStderr({ process: { stderr } })
  expect(stderr.listeners).toHaveLength(1)
})

test.each([
  ['has no process', undefined],
  ['has an empty one', {}],
  ['has one with another kind of stream', { stderr: {} }],
  [
    'throws at a look',
    {
      get stderr() {
        throw new Error('not implemented')
      },
    },
  ],
])('a runtime that %s is left alone', (_, process) => {
  keepStderr({ process: process as never })
})
