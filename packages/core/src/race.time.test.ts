import { describe, expect, test, vi } from 'vitest'
import { deferred, get, never, observed, soon } from '../test/support.ts'
import { guard, InvalidOptionError, type Scope, scopeOf } from './index.ts'
import { ManualClock } from './manual-clock.ts'

describe('moving the deadline', () => {
  test.each([
    ['shorter', (scope: Scope) => scope.deadline.set(50), 50, 50],
    ['longer', (scope: Scope) => scope.deadline.set(500), 500, 500],
    ['by more', (scope: Scope) => scope.deadline.extend(150), 250, 250],
  ])('%s, before the handler has returned', async (_, move, elapsedMs, timeoutMs) => {
    const { outcomes, options, clock } = observed({ timeoutMs: 100 })
    void guard((request: Request) => {
      move(scopeOf(request))
      return never()
    }, options)(get())
    await clock.advance(elapsedMs - 1)
    expect(outcomes).toEqual([])
    await clock.advance(1)
    expect(outcomes).toMatchObject([{ kind: 'timed-out', elapsedMs, timeoutMs }])
  })

  test.each([
    ['shorter', (scope: Scope) => scope.deadline.set(5), 35],
    ['longer', (scope: Scope) => scope.deadline.set(500), 530],
    ['by more', (scope: Scope) => scope.deadline.extend(150), 250],
    [
      'several times',
      (scope: Scope) => {
        scope.deadline.disable()
        scope.deadline.set(1_000)
        scope.deadline.set(7)
        scope.deadline.extend(3)
      },
      40,
    ],
  ])('%s, while the handler runs', async (_, move, elapsedMs) => {
    const { outcomes, options, clock } = observed({ timeoutMs: 100 })
    const request = get()
    void guard(never, options)(request)
    await clock.advance(30)
    move(scopeOf(request))
    await clock.advance(elapsedMs - 30 - 1)
    expect(outcomes).toEqual([])
    await clock.advance(1)
    expect(outcomes).toMatchObject([{ kind: 'timed-out', elapsedMs }])
    expect(clock.pending).toBe(0)
  })

  test('off, while the handler runs', async () => {
    const { outcomes, options, clock } = observed({ timeoutMs: 100 })
    const request = get()
    const work = deferred<Response>()
    const reply = guard(() => work.promise, options)(request)
    await clock.advance(99)
    scopeOf(request).deadline.disable()
    await clock.advance(1_000_000)
    expect(outcomes).toEqual([])
    work.resolve(new Response())
    expect((await soon(reply)).status).toBe(200)
    expect(clock.pending).toBe(0)
  })

  test('on, where there was none', async () => {
    const { outcomes, options, clock } = observed({ timeoutMs: false })
    const request = get()
    void guard(never, options)(request)
    await clock.advance(1_000)
    scopeOf(request).deadline.set(20)
    await clock.advance(20)
    expect(outcomes).toMatchObject([{ kind: 'timed-out', elapsedMs: 1_020, timeoutMs: 20 }])
  })

  test('does nothing once the request has ended', async () => {
    const { outcomes, options, clock } = observed({ timeoutMs: 100 })
    const request = get()
    void guard(never, options)(request)
    await clock.advance(100)
    const { deadline } = scopeOf(request)
    deadline.set(50)
    deadline.extend(50)
    deadline.disable()
    expect(deadline.timeoutMs).toBe(100)
    expect(deadline.remainingMs()).toBe(0)
    expect(clock.pending).toBe(0)
    await clock.advance(1_000)
    expect(outcomes).toHaveLength(1)
  })

  test('with a value that it cannot have throws, and leaves it as it was', async () => {
    const { outcomes, options, clock } = observed({ timeoutMs: 100 })
    const request = get()
    void guard(never, options)(request)
    for (const bad of [0, -1, Number.NaN, '5', null, undefined]) {
      expect(() => scopeOf(request).deadline.set(bad as number)).toThrow(InvalidOptionError)
      expect(() => scopeOf(request).deadline.extend(bad as number)).toThrow(InvalidOptionError)
    }
    await clock.advance(100)
    expect(outcomes).toMatchObject([{ kind: 'timed-out', elapsedMs: 100 }])
  })

  test('from an abort listener does nothing', async () => {
    const { outcomes, late, options, clock } = observed({ timeoutMs: 100 })
    const request = get()
    const seen: unknown[] = []
    void guard((own: Request) => {
      const scope = scopeOf(own)
      return new Promise<Response>((_, reject) => {
        scope.signal.addEventListener('abort', () => {
          scope.deadline.extend(1_000)
          scope.deadline.set(1_000)
          seen.push(scope.outcome?.kind, scope.deadline.remainingMs())
          try {
            scope.response.write('late')
          } catch (error) {
            seen.push(error === scope.signal.reason)
          }
          reject(scope.signal.reason)
        })
      })
    }, options)(request)
    await clock.advance(100)
    expect(seen).toEqual(['timed-out', 0, true])
    expect(clock.pending).toBe(0)
    await clock.advance(2_000)
    expect(outcomes).toHaveLength(1)
    expect(late).toMatchObject([{ kind: 'cancelled' }])
  })
})

describe('time', () => {
  test('a timeout shorter than the first tick is kept', async () => {
    const { outcomes, options, clock } = observed({ timeoutMs: 1 })
    void guard(never, options)(get())
    await clock.advance(1)
    expect(outcomes).toMatchObject([{ kind: 'timed-out', elapsedMs: 1, lateMs: 0 }])
  })

  test('a timeout past 2^31 milliseconds strikes then, and not at once', async () => {
    const timeoutMs = 2 ** 31 + 5_000
    const { outcomes, options, clock } = observed({ timeoutMs })
    const setTimeout = vi.spyOn(clock, 'setTimeout')
    void guard(never, options)(get())
    await clock.advance(timeoutMs - 1)
    expect(outcomes).toEqual([])
    await clock.advance(1)
    expect(outcomes).toMatchObject([{ kind: 'timed-out', elapsedMs: timeoutMs }])
    for (const [, ms] of setTimeout.mock.calls) expect(ms).toBeLessThanOrEqual(2 ** 31 - 1)
  })

  test('a clock whose timers fire early never makes the deadline strike early', async () => {
    class EarlyClock extends ManualClock {
      override setTimeout(callback: () => void, ms: number): unknown {
        return super.setTimeout(callback, ms > 4 ? ms - 4 : ms)
      }
    }
    const clock = new EarlyClock()
    const { outcomes, options } = observed({ clock, timeoutMs: 100 })
    void guard(never, options)(get())
    await clock.advance(99)
    expect(outcomes).toEqual([])
    await clock.advance(1)
    expect(outcomes).toMatchObject([{ kind: 'timed-out', elapsedMs: 100, lateMs: 0 }])
  })

  test('a handler that blocks past the deadline and then answers wins', async () => {
    const { outcomes, options, clock } = observed({ timeoutMs: 100 })
    const handler = () => {
      clock.block(300)
      return new Response('done')
    }
    expect((guard(handler, options)(get()) as Response).status).toBe(200)
    const reply = guard(async () => handler(), options)(get())
    expect((await soon(reply)).status).toBe(200)
    await clock.advance(0)
    expect(outcomes).toMatchObject([
      { kind: 'completed', elapsedMs: 300 },
      { kind: 'completed', elapsedMs: 300 },
    ])
  })

  test('a blocked loop gives a response that is ready to be read one turn before the deadline strikes', async () => {
    const { outcomes, options, clock } = observed({ timeoutMs: 100 })
    const work = deferred<Response>()
    const reply = guard(() => work.promise, options)(get())
    await clock.advance(20)
    clock.block(300)
    clock.setTimeout(() => work.resolve(new Response('it was there')), 0)
    await clock.advance(0)
    expect((await soon(reply)).status).toBe(200)
    expect(outcomes).toMatchObject([{ kind: 'completed', elapsedMs: 320 }])
    expect(clock.pending).toBe(0)
  })

  test('a blocked loop gives one turn and no more, and how late the timer was is recorded', async () => {
    const { outcomes, options, clock } = observed({ timeoutMs: 100 })
    const reply = guard(never, options)(get())
    await clock.advance(20)
    clock.block(300)
    await clock.advance(0)
    expect((await soon(reply)).status).toBe(503)
    expect(outcomes).toEqual([
      { kind: 'timed-out', phase: 'handling', status: 503, elapsedMs: 320, timeoutMs: 100, lateMs: 220 },
    ])
  })

  test('how late the timer was counts from the deadline when the loop was blocked since the start', async () => {
    const { outcomes, options, clock } = observed({ timeoutMs: 100 })
    void guard(never, options)(get())
    clock.block(150)
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'timed-out', elapsedMs: 150, lateMs: 50 }])
  })

  test('a deadline that is moved in the turn that a blocked loop gives does not strike', async () => {
    const { outcomes, options, clock } = observed({ timeoutMs: 100 })
    const request = get()
    void guard(never, options)(request)
    await clock.advance(20)
    clock.block(300)
    clock.setTimeout(() => scopeOf(request).deadline.set(50), 0)
    await clock.advance(49)
    expect(outcomes).toEqual([])
    await clock.advance(1)
    expect(outcomes).toMatchObject([{ kind: 'timed-out', elapsedMs: 370, timeoutMs: 50, lateMs: 0 }])
  })
})
