import { describe, expect, test, vi } from 'vitest'
import { deferred, get, never, observed, soon, thrownBy, watchedRequest } from '../test/support.ts'
import { findScope, guard, NotGuardedError, scopeOf } from './index.ts'

describe('scopeOf', () => {
  test('finds the scope of the request that the handler was given', () => {
    const request = get()
    let inside: unknown
    guard((own: Request) => {
      inside = scopeOf(own)
      return new Response()
    })(request)
    expect(inside).toBe(scopeOf(request))
    expect(scopeOf(request).request).toBe(request)
  })

  test('throws for a request that no guard runs for, and says which', async () => {
    const error = await thrownBy(() => scopeOf(get('/lost')))
    expect(error).toBeInstanceOf(NotGuardedError)
    expect(error).toMatchObject({
      name: 'NotGuardedError',
      code: 'NOT_GUARDED',
      message: expect.stringContaining('GET http://localhost/lost'),
    })
  })

  test.each([
    ['a copy', (request: Request) => new Request(request)],
    ['a clone', (request: Request) => request.clone()],
  ])('throws for %s of the request', (_, copy) => {
    const request = get()
    guard(() => new Response())(request)
    expect(() => scopeOf(copy(request))).toThrow(NotGuardedError)
  })

  test.each([undefined, null, 'request', {}])('throws for %s', (value) => {
    expect(() => scopeOf(value as never)).toThrow()
  })
})

describe('findScope', () => {
  test('finds the scope, or nothing where no guard runs', () => {
    const request = get()
    expect(findScope(request)).toBeUndefined()
    guard(() => new Response())(request)
    expect(findScope(request)).toBe(scopeOf(request))
    expect(findScope(request.clone())).toBeUndefined()
  })
})

describe('a scope', () => {
  test('has no outcome while the handler runs, and then has it', async () => {
    const { options, clock } = observed({ timeoutMs: 100 })
    const request = get()
    void guard(never, options)(request)
    expect(scopeOf(request).outcome).toBeUndefined()
    await clock.advance(100)
    expect(scopeOf(request).outcome).toMatchObject({ kind: 'timed-out', elapsedMs: 100 })
  })

  test('gives the same signal, deadline and response every time', () => {
    const request = get()
    guard(() => new Response())(request)
    const scope = scopeOf(request)
    expect(scope.signal).toBe(scope.signal)
    expect(scope.deadline).toBe(scope.deadline)
    expect(scope.response).toBe(scope.response)
  })

  test('makes no signal that nobody reads', async () => {
    const { options, clock } = observed({ timeoutMs: 100 })
    const abort = vi.spyOn(AbortController.prototype, 'abort')
    void guard(never, options)(get())
    await clock.advance(100)
    expect(abort).not.toHaveBeenCalled()
    abort.mockRestore()
  })

  test('has a reason without a signal', async () => {
    const { options, clock } = observed({ timeoutMs: 100 })
    const request = get()
    void guard(never, options)(request)
    expect(scopeOf(request).reason).toBeUndefined()
    await clock.advance(100)
    const { reason } = scopeOf(request)
    expect(reason).toMatchObject({ code: 'HANDLER_TIMEOUT' })
    expect(scopeOf(request).reason).toBe(reason)
    expect(scopeOf(request).signal.reason).toBe(reason)
  })

  test('starts its deadline when the request starts, not when it is read', async () => {
    const { options, clock } = observed({ timeoutMs: 100 })
    const gate = deferred<void>()
    let remainingMs: number | undefined
    const reply = guard(async (request: Request) => {
      await gate.promise
      remainingMs = scopeOf(request).deadline.remainingMs()
      return new Response()
    }, options)(get())
    await clock.advance(40)
    gate.resolve()
    await soon(reply)
    expect(remainingMs).toBe(60)
  })

  test('does not move a deadline that is first read after the end', () => {
    const { options, clock } = observed({ timeoutMs: 100 })
    const request = get()
    guard(() => new Response(), options)(request)
    scopeOf(request).deadline.set(5)
    expect(scopeOf(request).deadline.timeoutMs).toBe(100)
    expect(clock.pending).toBe(0)
  })

  test('hides the signal of the runtime without changing it', () => {
    const { request, signal } = watchedRequest()
    guard(() => new Response())(request)
    expect(request.signal).not.toBe(signal)
    expect(Reflect.get(Object.getPrototypeOf(request), 'signal', request)).toBe(signal)
  })
})

describe('waitUntil', () => {
  test('hands the work to the runtime, with the request', async () => {
    const waitUntil = vi.fn()
    const request = get()
    const work = deferred<void>()
    guard(
      (own: Request) => {
        scopeOf(own).waitUntil(work.promise)
        return new Response()
      },
      { waitUntil },
    )(request)
    expect(waitUntil).toHaveBeenCalledTimes(1)
    const [promise, given] = waitUntil.mock.calls[0] as [Promise<unknown>, Request]
    expect(given).toBe(request)
    work.resolve()
    await soon(promise)
  })

  test('sends what the work rejects with to the console, and to nobody else', async () => {
    const log = vi.spyOn(console, 'error').mockImplementation(() => {})
    const waitUntil = vi.fn()
    const error = new Error('boom')
    const { options, outcomes, clock } = observed({ waitUntil })
    guard((request: Request) => {
      scopeOf(request).waitUntil(Promise.reject(error))
      return new Response()
    }, options)(get())
    await soon(waitUntil.mock.calls[0]![0] as Promise<unknown>)
    await clock.advance(0)
    expect(log.mock.calls).toEqual([[expect.stringContaining('waitUntil'), error]])
    expect(outcomes).toMatchObject([{ kind: 'completed' }])
    log.mockRestore()
  })

  test('needs no runtime', async () => {
    const { options, outcomes, clock } = observed()
    guard((request: Request) => {
      scopeOf(request).waitUntil(Promise.resolve())
      return new Response()
    }, options)(get())
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'completed' }])
  })
})

test('forgetting() counts a handler that nobody can reach any more, and not what has settled after all', async () => {
  const { options, late, clock } = observed({ timeoutMs: 10 })
  const [settles, vanishes] = [get(), get()]
  const work = deferred<Response>()
  const guarded = guard((request: Request) => (request === settles ? work.promise : never()), options)
  void guarded(settles)
  void guarded(vanishes)
  await clock.advance(10)
  const forget = [settles, vanishes].map((request) => scopeOf(request).forgetting()!)
  work.reject(new Error('too late'))
  await clock.advance(0)
  expect(late).toMatchObject([{ kind: 'failed' }])
  for (const each of forget) each()
  expect(guarded.stats).toMatchObject({ abandoned: 0, late: { failed: 1, cancelled: 1 } })
})
