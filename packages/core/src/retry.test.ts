import { afterEach, describe, expect, test, vi } from 'vitest'
import { countListeners, get, never, soon, thrownBy } from '../test/support.ts'
import { type Budget, type GuardOptions, guard, NoTimeLeftError, type Scope, scopeOf } from './index.ts'
import { ManualClock } from './manual-clock.ts'
import { type RetryOptions, retry } from './retry.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

function running(options: GuardOptions = {}) {
  const clock = new ManualClock()
  const request = get()
  void guard(never, { clock, timeoutMs: 1_000, ...options })(request)
  const scope: Scope = scopeOf(request)
  return { clock, scope, listening: countListeners(scope.signal) }
}

/** What a promise rejects with, however long that takes. */
const rejection = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'it did not reject',
    (error) => error,
  )

/** Work that fails so often, and when it was called. */
function failing(clock: ManualClock, times: number, error: (number: number) => unknown = String) {
  const calls: { at: number; number: number; remainingMs: number }[] = []
  const work = vi.fn(async ({ deadline }: Budget, number: number): Promise<string> => {
    calls.push({ at: clock.now(), number, remainingMs: deadline.remainingMs() })
    if (number <= times) throw error(number)
    return 'done'
  })
  return { work, calls }
}

const failure = (number: number): Error => new Error(`attempt ${number}`)

describe('retry()', () => {
  test('comes back with the first attempt that succeeds', async () => {
    const { clock, scope } = running()
    const { work, calls } = failing(clock, 2, failure)
    vi.spyOn(Math, 'random').mockReturnValue(1)
    const result = retry(scope, work)
    await clock.advance(150)
    expect(await soon(result)).toBe('done')
    expect(calls).toEqual([
      { at: 0, number: 1, remainingMs: 1_000 },
      { at: 50, number: 2, remainingMs: 950 },
      { at: 150, number: 3, remainingMs: 850 },
    ])
  })

  test('rejects with what the last attempt threw', async () => {
    const { clock, scope } = running()
    const { work } = failing(clock, 9, failure)
    const result = rejection(retry(scope, work, { retries: 3, delayMs: 0 }))
    await clock.advance(0)
    expect(await result).toMatchObject({ message: 'attempt 4' })
    expect(work).toHaveBeenCalledTimes(4)
  })

  test.each([
    [0, 25],
    [0.5, 37.5],
    [0.999, 49.975],
  ])('with %d rolled, waits %d ms of 50', async (random, ms) => {
    const { clock, scope } = running()
    const { work, calls } = failing(clock, 1, failure)
    vi.spyOn(Math, 'random').mockReturnValue(random)
    const result = retry(scope, work)
    await clock.advance(100)
    expect(await soon(result)).toBe('done')
    expect(calls[1]!.at).toBe(Math.ceil(ms))
  })

  test('waits no longer than it may', async () => {
    const { clock, scope } = running({ timeoutMs: false })
    const { work, calls } = failing(clock, 4, failure)
    vi.spyOn(Math, 'random').mockReturnValue(1)
    const result = retry(scope, work, { retries: 4, delayMs: 100, maxDelayMs: 250 })
    await clock.advance(1_000)
    expect(await soon(result)).toBe('done')
    expect(calls.map(({ at }) => at)).toEqual([0, 100, 300, 550, 800])
  })

  test('begins no attempt that cannot finish', async () => {
    const { clock, scope } = running({ timeoutMs: 250 })
    const { work, calls } = failing(clock, 9, failure)
    vi.spyOn(Math, 'random').mockReturnValue(1)
    const result = rejection(retry(scope, work, { retries: 9, delayMs: 100, minMs: 100 }))
    await clock.advance(100)
    // After 100 ms there is a wait of 200 ms, and 150 ms are left: it does not even wait.
    expect(await soon(result)).toMatchObject({ message: 'attempt 2' })
    expect(calls.map(({ at }) => at)).toEqual([0, 100])
    expect(scope.signal.aborted).toBe(false)
  })

  test('begins none at all with less than it takes', async () => {
    const { clock, scope } = running({ timeoutMs: 250 })
    clock.block(200)
    const { work } = failing(clock, 0)
    const error = await thrownBy(() => retry(scope, work, { minMs: 51 }))
    expect(error).toBeInstanceOf(NoTimeLeftError)
    expect(error).toMatchObject({ remainingMs: 50, neededMs: 51 })
    expect(work).not.toHaveBeenCalled()
  })

  test('gives each attempt a time of its own', async () => {
    const { clock, scope } = running()
    const signals: AbortSignal[] = []
    const work = vi.fn(({ signal }: Budget, number: number): string | Promise<never> => {
      signals.push(signal)
      return number === 2 ? 'done' : new Promise(() => {})
    })
    const result = retry(scope, work, { attemptMs: 200, delayMs: 0 })
    await clock.advance(199)
    expect(work).toHaveBeenCalledTimes(1)
    await clock.advance(1)
    expect(await soon(result)).toBe('done')
    expect(signals[0]!.reason).toMatchObject({ code: 'STEP_TIMEOUT', timeoutMs: 200 })
    expect(signals[1]!.aborted).toBe(false)
  })

  test('is cut off by the end of the request while it waits, and leaves nothing', async () => {
    const { clock, scope, listening } = running({ timeoutMs: false })
    const { work } = failing(clock, 9, failure)
    const result = rejection(retry(scope, work, { delayMs: 500 }))
    await clock.advance(100)
    scope.deadline.set(50)
    await clock.advance(50)
    expect(scope.reason).toMatchObject({ code: 'HANDLER_TIMEOUT' })
    expect(await soon(result)).toMatchObject({ message: 'attempt 1' })
    expect(work).toHaveBeenCalledTimes(1)
    expect(clock.pending).toBe(0)
    expect(listening()).toBe(0)
  })

  test('is cut off by the end of the request while an attempt runs', async () => {
    const { clock, scope } = running()
    const result = retry(scope, never)
    result.catch(() => {})
    await clock.advance(1_000)
    await expect(result).rejects.toBe(scope.reason)
  })

  test('does not begin once the request has ended', async () => {
    const { clock, scope } = running()
    await clock.advance(1_000)
    const { work } = failing(clock, 0)
    expect(await thrownBy(() => retry(scope, work))).toBe(scope.reason)
    expect(work).not.toHaveBeenCalled()
  })

  test('asks whether it is worth it', async () => {
    const { clock, scope } = running()
    const { work } = failing(clock, 9, failure)
    const shouldRetry = vi.fn((error: unknown) => (error as Error).message === 'attempt 1')
    const result = rejection(retry(scope, work, { retries: 5, delayMs: 0, shouldRetry }))
    await clock.advance(0)
    expect(await result).toMatchObject({ message: 'attempt 2' })
    expect(shouldRetry).toHaveBeenCalledTimes(2)
  })

  test.each([
    ['a bug', new TypeError('undefined is not a function'), 1],
    ['no error', 'a string', 1],
    ['undefined', undefined, 1],
    ['the network', new TypeError('fetch failed'), 3],
  ])('that fails by %s is tried so often', async (_, error, times) => {
    const { clock, scope } = running()
    const { work } = failing(clock, 9, () => error)
    const result = retry(scope, work, { delayMs: 0 }).then(
      () => 'no error',
      (thrown) => ({ thrown }),
    )
    await clock.advance(0)
    expect(await soon(result)).toEqual({ thrown: error })
    expect(work).toHaveBeenCalledTimes(times)
  })

  test('works within a step', async () => {
    const { clock, scope } = running()
    const { work, calls } = failing(clock, 1, failure)
    const result = scope.step({ share: 0.5 }, (step) => retry(step, work, { delayMs: 0 }))
    await clock.advance(0)
    expect(await soon(result)).toBe('done')
    expect(calls[1]!.remainingMs).toBe(500)
  })

  test.each([
    [{ retries: -1 }, 'retries'],
    [{ retries: 1.5 }, 'retries'],
    [{ minMs: -1 }, 'minMs'],
    [{ attemptMs: 0 }, 'attemptMs'],
    [{ delayMs: Number.NaN }, 'delayMs'],
    [{ maxDelayMs: '5' }, 'maxDelayMs'],
    [{ shouldRetry: true }, 'shouldRetry'],
    [{ times: 5 }, 'times'],
  ])('refuses %j', async (options, option) => {
    const { clock, scope } = running()
    const { work } = failing(clock, 0)
    const error = await thrownBy(() => retry(scope, work, options as RetryOptions))
    expect(error).toMatchObject({ code: 'INVALID_OPTION', option })
    expect(work).not.toHaveBeenCalled()
  })
})
