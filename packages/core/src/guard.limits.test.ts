import { describe, expect, test, vi } from 'vitest'
import { deferred, get, never, observed, soon } from '../test/support.ts'
import { guard, type Scope, ShutdownError, scopeOf } from './index.ts'

describe('inbound', () => {
  test('it shortens the timeout', async () => {
    const { outcomes, options, clock } = observed({ timeoutMs: 1_000, inbound: () => 50 })
    void guard(never, options)(get())
    await clock.advance(50)
    expect(outcomes).toMatchObject([{ kind: 'timed-out', timeoutMs: 50, elapsedMs: 50 }])
  })

  test('it is given the request', async () => {
    const { outcomes, options, clock } = observed({
      inbound: (request) => Number(request.headers.get('x-timeout-ms')),
    })
    void guard(never, options)(get('/', { headers: { 'x-timeout-ms': '25' } }))
    await clock.advance(25)
    expect(outcomes).toMatchObject([{ kind: 'timed-out', timeoutMs: 25 }])
  })

  test('it cannot lengthen the timeout', async () => {
    const { outcomes, options, clock } = observed({ timeoutMs: 50, inbound: () => 1_000 })
    void guard(never, options)(get())
    await clock.advance(50)
    expect(outcomes).toMatchObject([{ kind: 'timed-out', timeoutMs: 50 }])
  })

  test('it holds where the guard itself has no timeout', async () => {
    const { outcomes, options, clock } = observed({ timeoutMs: false, inbound: () => 50 })
    void guard(never, options)(get())
    await clock.advance(50)
    expect(outcomes).toMatchObject([{ kind: 'timed-out', timeoutMs: 50 }])
  })

  test.each([
    ['set', (scope: Scope) => scope.deadline.set(10_000)],
    ['set to false', (scope: Scope) => scope.deadline.set(false)],
    ['extend', (scope: Scope) => scope.deadline.extend(10_000)],
    ['disable', (scope: Scope) => scope.deadline.disable()],
  ])('deadline.%s cannot go past it', async (_, lengthen) => {
    const { outcomes, options, clock } = observed({ timeoutMs: 30, inbound: () => 50 })
    void guard((request: Request) => {
      lengthen(scopeOf(request))
      return never()
    }, options)(get())
    await clock.advance(49)
    expect(outcomes).toEqual([])
    await clock.advance(1)
    expect(outcomes).toMatchObject([{ kind: 'timed-out', timeoutMs: 50, elapsedMs: 50 }])
  })

  test.each([0, -1, Number.NEGATIVE_INFINITY])(
    'a request with %d ms left is answered 504 without its handler',
    async (ms) => {
      const { outcomes, options, clock } = observed({ inbound: () => ms })
      const handler = vi.fn(never)
      const guarded = guard(handler, options)
      const response = guarded(get()) as Response
      expect(response.status).toBe(504)
      expect(response.headers.has('retry-after')).toBe(false)
      expect(await response.json()).toMatchObject({ status: 504, code: 'DEADLINE_EXPIRED' })
      expect(handler).not.toHaveBeenCalled()
      await clock.advance(0)
      expect(outcomes).toEqual([{ kind: 'rejected', reason: 'expired', status: 504, elapsedMs: 0 }])
      expect(guarded.stats).toMatchObject({ active: 0, abandoned: 0, outcomes: { rejected: 1 } })
    },
  )

  test.each([
    [
      'throws',
      () => {
        throw new Error('no')
      },
    ],
    ['gives NaN', () => Number.NaN],
    ['gives undefined', () => undefined],
    ['gives a string', () => '5' as never],
  ])('one that %s allows everything', async (_, inbound) => {
    const { outcomes, options, clock } = observed({ timeoutMs: 100, inbound })
    void guard(never, options)(get())
    await clock.advance(99)
    expect(outcomes).toEqual([])
    await clock.advance(1)
    expect(outcomes).toMatchObject([{ kind: 'timed-out', timeoutMs: 100 }])
  })
})

describe('shedding', () => {
  test('maxConcurrent refuses with 503 and Retry-After, and lets in again', async () => {
    const { outcomes, options, clock } = observed({ maxConcurrent: 2, retryAfterSeconds: 7 })
    const works = [deferred<Response>(), deferred<Response>()]
    let calls = 0
    const guarded = guard(() => works[calls++]?.promise ?? new Response('in'), options)
    void guarded(get())
    void guarded(get())
    expect(guarded.stats.active).toBe(2)
    const refused = guarded(get()) as Response
    expect(refused.status).toBe(503)
    expect(refused.headers.get('retry-after')).toBe('7')
    expect(await refused.json()).toMatchObject({ code: 'OVERLOADED' })
    expect(calls).toBe(2)
    works[0]?.resolve(new Response())
    await clock.advance(0)
    expect(guarded.stats.active).toBe(1)
    expect((guarded(get()) as Response).status).toBe(200)
    await clock.advance(0)
    expect(outcomes.map(({ kind }) => kind)).toEqual(['rejected', 'completed', 'completed'])
    expect(outcomes[0]).toMatchObject({ reason: 'overloaded', status: 503 })
  })

  test('Retry-After is 1 second unless the guard is told otherwise', () => {
    const guarded = guard(never, { ...observed().options, maxConcurrent: 1 })
    void guarded(get())
    expect((guarded(get()) as Response).headers.get('retry-after')).toBe('1')
  })

  test('maxAbandoned refuses while handlers that nobody waits for are still at work', async () => {
    const { outcomes, late, options, clock } = observed({ maxAbandoned: 1, timeoutMs: 10 })
    const work = deferred<Response>()
    const guarded = guard(() => work.promise, options)
    void guarded(get())
    await clock.advance(10)
    expect(guarded.stats).toMatchObject({ active: 0, abandoned: 1 })
    expect((guarded(get()) as Response).status).toBe(503)
    work.resolve(new Response())
    await clock.advance(0)
    expect(late).toHaveLength(1)
    expect(guarded.stats.abandoned).toBe(0)
    expect((await soon(guarded(get()))).status).toBe(200)
    await clock.advance(0)
    expect(outcomes.map(({ kind }) => kind)).toEqual(['timed-out', 'rejected', 'completed'])
  })
})

describe('shutdown', () => {
  test('whoever still runs is answered 503 and told so', async () => {
    const stop = new AbortController()
    const { outcomes, late, options, clock } = observed({ shutdown: stop.signal })
    const requests = [get('/a'), get('/b')]
    const guarded = guard(
      (request: Request): Promise<Response> =>
        new Promise((_, reject) => {
          request.signal.addEventListener('abort', () => reject(request.signal.reason))
        }),
      options,
    )
    const replies = requests.map((request) => guarded(request))
    await clock.advance(30)
    stop.abort()
    for (const reply of replies) {
      const response = await soon(reply)
      expect(response.status).toBe(503)
      expect(await response.json()).toMatchObject({ code: 'SHUTDOWN' })
    }
    await clock.advance(0)
    const { reason } = requests[0]!.signal
    expect(reason).toBeInstanceOf(ShutdownError)
    expect(reason).toMatchObject({ name: 'AbortError', code: 'SHUTDOWN' })
    expect(outcomes[0]).toEqual({
      kind: 'failed',
      phase: 'handling',
      status: 503,
      elapsedMs: 30,
      error: reason,
    })
    expect(outcomes).toHaveLength(2)
    expect(late.map(({ kind }) => kind)).toEqual(['cancelled', 'cancelled'])
    expect(guarded.stats).toMatchObject({ active: 0, abandoned: 0 })
    expect(clock.pending).toBe(0)
  })

  test('nobody new is let in', async () => {
    const stop = new AbortController()
    const { outcomes, options, clock } = observed({ shutdown: stop.signal })
    const handler = vi.fn(() => new Response())
    const guarded = guard(handler, options)
    stop.abort()
    const response = guarded(get()) as Response
    expect(response.status).toBe(503)
    expect(response.headers.get('retry-after')).toBe('1')
    expect(await response.json()).toMatchObject({ code: 'SHUTDOWN' })
    expect(handler).not.toHaveBeenCalled()
    await clock.advance(0)
    expect(outcomes).toEqual([{ kind: 'rejected', reason: 'shutdown', status: 503, elapsedMs: 0 }])
  })

  test('a guard made after it lets nobody in', () => {
    const guarded = guard(never, { shutdown: AbortSignal.abort() })
    expect((guarded(get()) as Response).status).toBe(503)
  })

  test('a request that has ended is left alone', async () => {
    const stop = new AbortController()
    const { outcomes, options, clock } = observed({ shutdown: stop.signal })
    const request = get()
    guard((own: Request) => new Response(String(own.signal.aborted)), options)(request)
    stop.abort()
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'completed' }])
    expect(request.signal.aborted).toBe(false)
  })
})

describe('waitUntil', () => {
  test('an abandoned handler is handed to the runtime, with its request', async () => {
    const waitUntil = vi.fn()
    const { options, clock } = observed({ timeoutMs: 10, waitUntil })
    const work = deferred<Response>()
    const request = get()
    void guard(() => work.promise, options)(request)
    await clock.advance(10)
    expect(waitUntil).toHaveBeenCalledTimes(1)
    const [promise, given] = waitUntil.mock.calls[0] as [Promise<unknown>, Request]
    expect(given).toBe(request)
    let over = false
    void promise.then(() => {
      over = true
    })
    await clock.advance(0)
    expect(over).toBe(false)
    work.reject(new Error('late'))
    await clock.advance(0)
    expect(over).toBe(true)
  })

  test('a handler that was abandoned while it had not returned yet is handed over, too', async () => {
    const waitUntil = vi.fn()
    const stop = new AbortController()
    const { options, clock } = observed({ waitUntil, shutdown: stop.signal })
    void guard(() => {
      stop.abort()
      return never()
    }, options)(get())
    await clock.advance(0)
    expect(waitUntil).toHaveBeenCalledTimes(1)
  })

  test('a handler that answered is not handed over', async () => {
    const waitUntil = vi.fn()
    const { options } = observed({ waitUntil })
    await guard(async () => new Response(), options)(get())
    expect(waitUntil).not.toHaveBeenCalled()
  })

  test('a waitUntil that throws spoils nothing', async () => {
    const { outcomes, late, options, clock } = observed({
      timeoutMs: 10,
      waitUntil: () => {
        throw new Error('context is gone')
      },
    })
    const log = vi.spyOn(console, 'error').mockImplementation(() => {})
    const work = deferred<Response>()
    const reply = guard(() => work.promise, options)(get())
    await clock.advance(10)
    expect((await soon(reply)).status).toBe(503)
    work.resolve(new Response())
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'timed-out' }])
    expect(late).toMatchObject([{ kind: 'completed' }])
    log.mockRestore()
  })
})
