import { expect, onTestFinished, test, vi } from 'vitest'
import { Breaker, SparedError } from './breaker.ts'
import { AttemptError } from './post.ts'

const down = () => Promise.reject(new AttemptError('answered 503', { retry: true }))
const refused = () => Promise.reject(new AttemptError('answered 400', { retry: false }))
const up = () => Promise.resolve()

const { signal } = new AbortController()

/** Two failures in a row, and nothing is tried for a second of a clock that is moved by hand. */
function newBreaker(): { breaker: Breaker; clock: { ms: number } } {
  const clock = { ms: 0 }
  return { breaker: new Breaker(2, 1_000, () => clock.ms), clock }
}

async function broken(): Promise<{ breaker: Breaker; clock: { ms: number } }> {
  const made = newBreaker()
  for (let count = 0; count < 2; count++) await expect(made.breaker.run(down, signal)).rejects.toThrow('503')
  return made
}

test('after so many failures in a row nothing is tried, for so long', async () => {
  const { breaker, clock } = await broken()
  await expect(breaker.run(up, signal)).rejects.toThrow(SparedError)
  clock.ms = 999
  await expect(breaker.run(up, signal)).rejects.toThrow(SparedError)
  clock.ms = 1_000
  await breaker.run(up, signal)
  await breaker.run(up, signal)
})

test.each([
  ['a success', up],
  ['an answer that is final', () => refused().catch(() => {})],
])('%s between them begins the row anew', async (_, between) => {
  const { breaker } = newBreaker()
  for (let count = 0; count < 5; count++) {
    await expect(breaker.run(down, signal)).rejects.toThrow('503')
    await breaker.run(between, signal)
  }
})

test('what says nothing of the receiver does not count', async () => {
  const { breaker } = newBreaker()
  const aborted = () => Promise.reject(new Error('aborted'))
  await expect(breaker.run(down, signal)).rejects.toThrow('503')
  await expect(breaker.run(aborted, signal)).rejects.toThrow('aborted')
  await expect(breaker.run(down, signal)).rejects.toThrow('503')
  await expect(breaker.run(up, signal)).rejects.toThrow(SparedError)
})

test('one attempt finds out, and the others wait for what it finds', async () => {
  const { breaker, clock } = await broken()
  clock.ms = 1_000
  let found!: () => void
  let others = 0
  const first = breaker.run(() => new Promise((resolve) => (found = resolve)), signal)
  const waiting = [1, 2].map(() => breaker.run(async () => void others++, signal))
  await Promise.resolve()
  expect(others).toBe(0)
  found()
  await Promise.all([first, ...waiting])
  expect(others).toBe(2)
})

test('if it is still down, nothing is tried for as long again', async () => {
  const { breaker, clock } = await broken()
  clock.ms = 1_000
  const outcomes = await Promise.allSettled([breaker.run(down, signal), breaker.run(up, signal)])
  expect(outcomes.map((each) => each.status === 'rejected' && each.reason.constructor)).toEqual([
    AttemptError,
    SparedError,
  ])
  clock.ms = 1_999
  await expect(breaker.run(up, signal)).rejects.toThrow(SparedError)
  clock.ms = 2_000
  await breaker.run(up, signal)
})

test('an answer that is final shows that it is up', async () => {
  const { breaker, clock } = await broken()
  clock.ms = 1_000
  await expect(breaker.run(refused, signal)).rejects.toThrow('400')
  await breaker.run(up, signal)
})

test('one that is never heard of again, as where a runtime drops it with its request, is followed by another', async () => {
  const { breaker, clock } = await broken()
  clock.ms = 1_000
  void breaker.run(() => new Promise(() => {}), signal)
  clock.ms = 2_000
  await breaker.run(up, signal)
  await breaker.run(up, signal)
})

test('a failure of an attempt that began before does not make it longer', async () => {
  const { breaker, clock } = newBreaker()
  let fail!: (error: unknown) => void
  const slow = breaker.run(() => new Promise((_, reject) => (fail = reject)), signal)
  for (let count = 0; count < 2; count++) await expect(breaker.run(down, signal)).rejects.toThrow('503')
  clock.ms = 900
  fail(new AttemptError('answered 503', { retry: true }))
  await expect(slow).rejects.toThrow('503')
  clock.ms = 1_000
  await breaker.run(up, signal)
})

test('who waits for what it finds waits no longer than anybody waits for him', async () => {
  const { breaker, clock } = await broken()
  clock.ms = 1_000
  void breaker.run(() => new Promise(() => {}), signal)
  const controller = new AbortController()
  const waiting = breaker.run(up, controller.signal)
  controller.abort()
  await expect(waiting).rejects.toThrow(SparedError)
})

test('a clock on the wall that is set back makes it no longer', async () => {
  const breaker = new Breaker(1, 5)
  await expect(breaker.run(down, signal)).rejects.toThrow('503')
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 3_600_000 })
  onTestFinished(() => void vi.useRealTimers())
  const tryAgain = async (): Promise<boolean> =>
    breaker.run(up, signal).then(
      () => true,
      () => false,
    )
  while (!(await tryAgain())) await new Promise((resolve) => setImmediate(resolve))
})
