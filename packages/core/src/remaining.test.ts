import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { get, never, thrownBy } from '../test/support.ts'
import { type DeadlineHeader, deadlineFormats, deadlineHeaders } from './deadline-header.ts'
import { type GuardOptions, guard, type Scope, scopeOf } from './index.ts'
import { ManualClock } from './manual-clock.ts'

function running(options: GuardOptions = {}): { clock: ManualClock; scope: Scope } {
  const clock = new ManualClock()
  const request = get()
  void guard(never, { clock, timeoutMs: 1_000, ...options })(request)
  return { clock, scope: scopeOf(request) }
}

describe('deadline.headers()', () => {
  test('says what is left, in the format of Connect unless it is told otherwise', () => {
    const { scope, clock } = running()
    clock.block(400)
    expect(scope.deadline.headers()).toEqual({ 'connect-timeout-ms': '600' })
    expect(scope.deadline.headers('grpc-timeout')).toEqual({ 'grpc-timeout': '600m' })
    expect(scope.deadline.headers(deadlineHeaders)).toEqual({
      'connect-timeout-ms': '600',
      'grpc-timeout': '600m',
      'x-envoy-expected-rq-timeout-ms': '600',
    })
  })

  test('keeps a reserve back', () => {
    const { scope } = running({ outbound: { reserveMs: 100 } })
    expect(scope.deadline.headers()).toEqual({ 'connect-timeout-ms': '900' })
    expect(scope.deadline.headers('grpc-timeout', { reserveMs: 20.5 })).toEqual({ 'grpc-timeout': '979m' })
    expect(scope.deadline.headers(undefined, { reserveMs: 0 })).toEqual({ 'connect-timeout-ms': '1000' })
  })

  test('says 0 when nothing is left', () => {
    const { scope, clock } = running()
    expect(scope.deadline.headers(undefined, { reserveMs: 2_000 })).toEqual({ 'connect-timeout-ms': '0' })
    clock.block(5_000)
    expect(scope.deadline.headers('grpc-timeout')).toEqual({ 'grpc-timeout': '0m' })
  })

  test('says nothing without a deadline', () => {
    const { scope } = running({ timeoutMs: false })
    expect(scope.deadline.headers(deadlineHeaders, { reserveMs: 50 })).toEqual({})
  })

  test('goes by outbound.headers of the guard, and of a guard further in', () => {
    expect(running({ outbound: { headers: 'grpc-timeout' } }).scope.deadline.headers()).toEqual({
      'grpc-timeout': '1000m',
    })
    expect(running({ outbound: { headers: false } }).scope.deadline.headers()).toEqual({})

    const request = get()
    const inner = guard(never, { outbound: { headers: ['x-envoy-expected-rq-timeout-ms'] } })
    const outer = guard(
      (own) => {
        // Made before the inner guard has its say.
        scopeOf(own).deadline.remainingMs()
        return inner(own)
      },
      {
        clock: new ManualClock(),
        timeoutMs: 1_000,
      },
    )
    void outer(request)
    expect(scopeOf(request).deadline.headers()).toEqual({ 'x-envoy-expected-rq-timeout-ms': '1000' })
  })

  test.each([['x-timeout-ms'], [[]], [['grpc-timeout', 'toString']], [null], [5]])(
    'refuses the format %j',
    async (format) => {
      const { scope } = running()
      const error = await thrownBy(() => scope.deadline.headers(format as DeadlineHeader))
      expect(error).toMatchObject({ code: 'INVALID_OPTION', option: 'format' })
    },
  )

  test.each([-1, Number.NaN, Number.POSITIVE_INFINITY, '5', null])(
    'refuses a reserve of %s',
    async (reserveMs) => {
      const { scope } = running()
      const error = await thrownBy(() =>
        scope.deadline.headers(undefined, { reserveMs: reserveMs as number }),
      )
      expect(error).toMatchObject({ code: 'INVALID_OPTION', option: 'reserveMs' })
    },
  )

  test('never says more than what is left', () => {
    const ms = (max: number) => fc.double({ min: 0, max, noNaN: true })
    fc.assert(
      fc.property(ms(1e10), ms(1e10), ms(1e4), (timeoutMs, passedMs, reserveMs) => {
        fc.pre(timeoutMs > 0)
        const { scope, clock } = running({ timeoutMs })
        clock.block(passedMs)
        const headers = scope.deadline.headers(deadlineHeaders, { reserveMs })
        for (const name of deadlineHeaders) {
          const said = deadlineFormats[name].parse(headers[name]!)
          expect(said).toBeLessThanOrEqual(Math.max(scope.deadline.remainingMs() - reserveMs, 0))
        }
      }),
    )
  })
})

describe('deadline.child()', () => {
  test('is a share of what is left, or so many milliseconds, whichever is shorter', () => {
    const { scope, clock } = running()
    clock.block(400)
    const { deadline } = scope
    expect(deadline.child({ share: 0.5 }).remainingMs()).toBe(300)
    expect(deadline.child({ maxMs: 200 }).remainingMs()).toBe(200)
    expect(deadline.child({ share: 0.5, maxMs: 200 })).toMatchObject({ timeoutMs: 200 })
    expect(deadline.child({ share: 0.5, maxMs: 400 })).toMatchObject({ timeoutMs: 300 })
    expect(deadline.child({ maxMs: false }).remainingMs()).toBe(600)
  })

  test('counts from when it is made, and is never later than its parent', () => {
    const { scope, clock } = running()
    const child = scope.deadline.child({ maxMs: 800 })
    const grandchild = child.child({ share: 0.5 })
    clock.block(100)
    expect([child.remainingMs(), grandchild.remainingMs()]).toEqual([700, 300])
    scope.deadline.set(50)
    expect([child.remainingMs(), grandchild.remainingMs()]).toEqual([50, 50])
    scope.deadline.disable()
    expect([child.remainingMs(), grandchild.remainingMs()]).toEqual([700, 300])
    clock.block(5_000)
    expect([child.remainingMs(), grandchild.remainingMs()]).toEqual([0, 0])
  })

  test('speaks to other services as the guard does', () => {
    const { scope } = running({ outbound: { headers: 'grpc-timeout', reserveMs: 100 } })
    expect(scope.deadline.child({ share: 0.5 }).headers()).toEqual({ 'grpc-timeout': '400m' })
  })

  test('has no end where there is none to share', () => {
    const { scope } = running({ timeoutMs: false })
    expect(scope.deadline.child({ share: 0.5 }).remainingMs()).toBe(Number.POSITIVE_INFINITY)
    expect(scope.deadline.child({ maxMs: 200 }).remainingMs()).toBe(200)
  })

  test('starts no timer', () => {
    const { scope, clock } = running()
    const before = clock.pending
    scope.deadline.child({ share: 0.5 })
    expect(clock.pending).toBe(before)
  })

  test.each([{}, { share: 0 }, { share: 1.1 }, { share: Number.NaN }, { maxMs: 0 }, { maxMS: 5 }])(
    'refuses %j, naming what it is',
    (limits) => {
      expect(() => running().scope.deadline.child(limits)).toThrow(
        /^Invalid option (limits|share|maxMs|maxMS): expected /,
      )
    },
  )
})
