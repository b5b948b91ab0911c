import { describe, expect, test, vi } from 'vitest'
import { countListeners, deferred, get, never, soon, thrownBy } from '../test/support.ts'
import {
  type Budget,
  type GuardOptions,
  guard,
  type Scope,
  type StepLimits,
  StepTimeoutError,
  scopeOf,
} from './index.ts'
import { ManualClock } from './manual-clock.ts'

function running(options: GuardOptions = {}) {
  const clock = new ManualClock()
  const request = get()
  void guard(never, { clock, timeoutMs: 1_000, ...options })(request)
  const scope: Scope = scopeOf(request)
  return { clock, scope, listening: countListeners(scope.signal) }
}

/** A step that waits for the test. */
function open(scope: Budget, limits: StepLimits) {
  const work = deferred<string>()
  let step!: Budget
  const result = scope.step(limits, (own) => {
    step = own
    return work.promise
  })
  result.catch(() => {})
  return { work, result, step: () => step }
}

describe('a step', () => {
  test('comes back with what its work does, and leaves nothing', async () => {
    const { scope, clock, listening } = running()
    const before = clock.pending
    const { work, result } = open(scope, { maxMs: 100 })
    expect(clock.pending).toBe(before + 1)
    expect(listening()).toBe(1)
    work.resolve('done')
    expect(await result).toBe('done')
    expect(clock.pending).toBe(before)
    expect(listening()).toBe(0)
  })

  test.each([
    [
      'throws',
      () => {
        throw new Error('boom')
      },
    ],
    ['rejects', () => Promise.reject(new Error('boom'))],
  ])('rejects with what its work %s, and leaves nothing', async (_, work) => {
    const { scope, clock, listening } = running()
    const before = clock.pending
    await expect(soon(scope.step({ maxMs: 100 }, work))).rejects.toThrow('boom')
    expect(clock.pending).toBe(before)
    expect(listening()).toBe(0)
  })

  test('ends when its time is over, though its work goes on, and the request does, too', async () => {
    const { scope, clock, listening } = running()
    const { step, result, work } = open(scope, { maxMs: 100 })
    await clock.advance(99)
    expect(step().signal.aborted).toBe(false)
    await clock.advance(1)
    const error = await thrownBy(() => result)
    expect(error).toBeInstanceOf(StepTimeoutError)
    expect(error).toMatchObject({ name: 'TimeoutError', code: 'STEP_TIMEOUT', timeoutMs: 100 })
    expect(step().signal.reason).toBe(error)
    expect(scope.signal.aborted).toBe(false)
    expect(listening()).toBe(0)
    work.reject(new Error('late'))
    await clock.advance(0)
  })

  test('is decided before its work is told', async () => {
    const { scope, clock } = running()
    const result = scope.step(
      { maxMs: 100 },
      ({ signal }) =>
        new Promise<string>((resolve) => signal.addEventListener('abort', () => resolve('mine'))),
    )
    result.catch(() => {})
    await clock.advance(100)
    await expect(result).rejects.toBeInstanceOf(StepTimeoutError)
  })

  test.each([
    [{ share: 0.5 }, 400],
    [{ share: 1 }, 800],
    [{ share: 0.5, maxMs: 300 }, 300],
    [{ share: 0.25, maxMs: 300 }, 200],
    [{ maxMs: 5_000 }, 800],
    [{ maxMs: false }, 800],
  ] as [object, number][])('%j of 800 ms are %d ms', (limits, ms) => {
    const { scope, clock } = running()
    clock.block(200)
    const { step } = open(scope, limits as StepLimits)
    expect(step().deadline.remainingMs()).toBe(ms)
    expect(step().deadline.dueAt).toBe(200 + ms)
    expect(step().deadline.headers()).toEqual({ 'connect-timeout-ms': String(ms) })
  })

  test('has no limit of its own where a share of nothing is none', async () => {
    const { scope, clock } = running({ timeoutMs: false })
    const before = clock.pending
    const { step } = open(scope, { share: 0.5 })
    expect(step().deadline.remainingMs()).toBe(Number.POSITIVE_INFINITY)
    expect(step().deadline.headers()).toEqual({})
    expect(clock.pending).toBe(before)
  })

  test('ends with the request, for its reason', async () => {
    const { scope, clock } = running()
    const { step, result } = open(scope, { maxMs: 5_000 })
    await clock.advance(1_000)
    await expect(result).rejects.toBe(scope.reason)
    expect(step().signal.reason).toBe(scope.reason)
    expect(scope.reason).toMatchObject({ code: 'HANDLER_TIMEOUT' })
    expect(clock.pending).toBe(0)
  })

  test('follows the request when that is shortened, not when it is lengthened', async () => {
    const { scope, clock } = running()
    const { step, result } = open(scope, { maxMs: 500 })
    scope.deadline.set(10_000)
    expect(step().deadline.remainingMs()).toBe(500)
    scope.deadline.set(200)
    expect(step().deadline.remainingMs()).toBe(200)
    await clock.advance(200)
    await expect(result).rejects.toBe(scope.reason)
  })

  test('has steps of its own', async () => {
    const { scope, clock } = running()
    const outer = open(scope, { share: 0.5 })
    const inner = open(outer.step(), { share: 0.5 })
    const longer = open(outer.step(), { maxMs: 800 })
    expect(inner.step().deadline.remainingMs()).toBe(250)
    expect(longer.step().deadline.remainingMs()).toBe(500)
    await clock.advance(250)
    await expect(inner.result).rejects.toMatchObject({ code: 'STEP_TIMEOUT', timeoutMs: 250 })
    expect(outer.step().signal.aborted).toBe(false)
    await clock.advance(250)
    const error = await thrownBy(() => outer.result)
    await expect(longer.result).rejects.toBe(error)
    expect(scope.signal.aborted).toBe(false)
  })

  test('does not begin once the request has ended, or when nothing is left', async () => {
    const work = vi.fn()
    const ended = running()
    await ended.clock.advance(1_000)
    await expect(ended.scope.step({ maxMs: 100 }, work)).rejects.toBe(ended.scope.reason)
    const late = running()
    late.clock.block(1_000)
    await expect(late.scope.step({ maxMs: 100 }, work)).rejects.toMatchObject({
      code: 'NO_TIME_LEFT',
      remainingMs: 0,
    })
    expect(work).not.toHaveBeenCalled()
  })

  test.each([
    [{}, 'limits'],
    [{ share: 0 }, 'share'],
    [{ share: 1.5 }, 'share'],
    [{ share: '0.5' }, 'share'],
    [{ maxMs: 0 }, 'maxMs'],
    [{ maxMs: Number.NaN }, 'maxMs'],
    [{ maxMs: 5, ms: 5 }, 'ms'],
    [undefined, 'options'],
  ])('is not made for %j', async (limits, option) => {
    const { scope } = running()
    const work = vi.fn()
    const error = await thrownBy(() => scope.step(limits as StepLimits, work))
    expect(error).toMatchObject({ code: 'INVALID_OPTION', option })
    expect(work).not.toHaveBeenCalled()
  })
})

describe("a step's fetch()", () => {
  function sending() {
    const fetch = vi.fn(async (_input: unknown, _init?: RequestInit) => new Response('users'))
    const all = running({ outbound: { fetch } })
    return { ...all, sent: () => fetch.mock.lastCall![1]! }
  }

  test('says what the step has, and ends with it', async () => {
    const { scope, clock, sent } = sending()
    const { step, result } = open(scope, { maxMs: 100 })
    await step().fetch('http://upstream/')
    expect(new Headers(sent().headers).get('connect-timeout-ms')).toBe('100')
    await clock.advance(100)
    expect(sent().signal!.reason).toMatchObject({ code: 'STEP_TIMEOUT' })
    await thrownBy(() => result)
    await expect(step().fetch('http://upstream/')).rejects.toMatchObject({ code: 'STEP_TIMEOUT' })
  })

  test('is ended by the request also while its response is read after the step', async () => {
    const { scope, clock, sent, listening } = sending()
    const response = await soon(scope.step({ maxMs: 100 }, ({ fetch }) => fetch('http://upstream/')))
    await clock.advance(500)
    expect(sent().signal!.aborted).toBe(false)
    await clock.advance(500)
    expect(sent().signal!.reason).toBe(scope.reason)
    expect(listening()).toBe(0)
    expect(response.status).toBe(200)
  })
})
