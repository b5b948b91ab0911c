import { describe, expect, test, vi } from 'vitest'
import { deferred, FakeClient, get, never, observed, soon, source, watchedRequest } from '../test/support.ts'
import {
  attachClient,
  ClientClosedError,
  guard,
  HandlerTimeoutError,
  InvalidOptionError,
  type Scope,
  ShutdownError,
  scopeOf,
} from './index.ts'
import { ManualClock } from './manual-clock.ts'

const withClient = (client: FakeClient): Request => {
  const request = get()
  attachClient(request, client)
  return request
}

describe('in the same tick', () => {
  test('a handler that answers just before the deadline wins', async () => {
    const { outcomes, late, options, clock } = observed({ timeoutMs: 100 })
    const work = deferred<Response>()
    const reply = guard(() => {
      clock.setTimeout(() => work.resolve(new Response('won')), 100)
      return work.promise
    }, options)(get())
    await clock.advance(100)
    expect(await (await soon(reply)).text()).toBe('won')
    expect(outcomes).toMatchObject([{ kind: 'completed', elapsedMs: 100 }])
    expect(late).toEqual([])
    expect(clock.pending).toBe(0)
  })

  test('a handler that answers just after the deadline is late', async () => {
    const { outcomes, late, options, clock } = observed({ timeoutMs: 100 })
    const work = deferred<Response>()
    const reply = guard(() => work.promise, options)(get())
    await clock.advance(50)
    clock.setTimeout(() => work.resolve(new Response('lost')), 50)
    await clock.advance(50)
    expect((await soon(reply)).status).toBe(503)
    expect(outcomes).toMatchObject([{ kind: 'timed-out', elapsedMs: 100 }])
    expect(late).toMatchObject([{ kind: 'completed', afterMs: 0 }])
  })

  test('a client that leaves before the response has been seen wins', async () => {
    const { outcomes, late, options, clock } = observed()
    const work = deferred<Response>()
    const client = new FakeClient()
    const reply = guard(() => work.promise, options)(withClient(client))
    work.resolve(new Response('lost'))
    client.close()
    expect((await soon(reply)).status).toBe(499)
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'client-closed', phase: 'handling' }])
    expect(late).toMatchObject([{ kind: 'completed' }])
  })

  test('a client that leaves once the response is committed changes nothing', async () => {
    const { outcomes, late, options, clock } = observed()
    const work = deferred<Response>()
    const client = new FakeClient()
    const reply = guard(() => work.promise, options)(withClient(client))
    work.resolve(new Response('won'))
    expect((await soon(reply)).status).toBe(200)
    client.close()
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'completed' }])
    expect(late).toEqual([])
  })

  test('the client before the deadline is a disconnect', async () => {
    const { outcomes, options, clock } = observed({ timeoutMs: 100 })
    const client = new FakeClient()
    const request = withClient(client)
    void guard(() => {
      clock.setTimeout(() => client.close(), 100)
      return never()
    }, options)(request)
    await clock.advance(200)
    expect(outcomes).toMatchObject([{ kind: 'client-closed', elapsedMs: 100 }])
    expect(request.signal.reason).toBeInstanceOf(ClientClosedError)
  })

  test('the deadline before the client is a timeout', async () => {
    const { outcomes, options, clock } = observed({ timeoutMs: 100 })
    const client = new FakeClient()
    const request = withClient(client)
    void guard(never, options)(request)
    clock.setTimeout(() => client.close(), 100)
    await clock.advance(200)
    expect(outcomes).toMatchObject([{ kind: 'timed-out', elapsedMs: 100 }])
    expect(request.signal.reason).toBeInstanceOf(HandlerTimeoutError)
  })

  test('all three have one ending', async () => {
    const { outcomes, late, options, clock } = observed({ timeoutMs: 100 })
    const client = new FakeClient()
    const work = deferred<Response>()
    const reply = guard(() => work.promise, options)(withClient(client))
    clock.setTimeout(() => {
      work.reject(new Error('boom'))
      client.close()
    }, 100)
    await clock.advance(200)
    expect((await soon(reply)).status).toBe(503)
    expect(outcomes).toHaveLength(1)
    expect(late).toHaveLength(1)
  })
})

describe('before the handler has returned', () => {
  test('a client that leaves is told from its answer', async () => {
    const { outcomes, late, options, clock } = observed()
    const client = new FakeClient()
    const request = withClient(client)
    const reply = guard((own: Request) => {
      expect(own.signal.aborted).toBe(false)
      client.close()
      expect(own.signal.aborted).toBe(true)
      return new Response('too late')
    }, options)(request) as Response
    expect(reply.status).toBe(499)
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'client-closed', phase: 'handling' }])
    expect(late).toMatchObject([{ kind: 'completed' }])
    expect(client.watchers).toBe(0)
    expect(clock.pending).toBe(0)
  })

  test('a client that leaves unseen is seen as soon as it has, and the handler is late', async () => {
    const { outcomes, late, options, clock } = observed()
    const client = new FakeClient()
    const work = deferred<Response>()
    const reply = guard(() => {
      client.close()
      return work.promise
    }, options)(withClient(client))
    expect((await soon(reply)).status).toBe(499)
    work.resolve(new Response())
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'client-closed', phase: 'handling' }])
    expect(late).toMatchObject([{ kind: 'completed' }])
    expect(client.watchers).toBe(0)
    expect(clock.pending).toBe(0)
  })

  test('a shutdown ends the request, and a handler that then throws is late', async () => {
    const stop = new AbortController()
    const { outcomes, late, options, clock } = observed({ shutdown: stop.signal })
    const error = new Error('boom')
    const guarded = guard((): Response => {
      stop.abort()
      throw error
    }, options)
    expect((guarded(get()) as Response).status).toBe(503)
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'failed', error: expect.any(ShutdownError) }])
    expect(late).toMatchObject([{ kind: 'failed', error }])
    expect(guarded.stats).toMatchObject({ active: 0, abandoned: 0 })
  })

  test('a shutdown ends the request, and a handler that then waits is late', async () => {
    const stop = new AbortController()
    const { outcomes, late, options, clock } = observed({ shutdown: stop.signal })
    const work = deferred<Response>()
    const reply = guard(() => {
      stop.abort()
      return work.promise
    }, options)(get())
    expect((await soon(reply)).status).toBe(503)
    expect(clock.pending).toBe(0)
    work.resolve(new Response())
    await clock.advance(0)
    expect(outcomes).toHaveLength(1)
    expect(late).toMatchObject([{ kind: 'completed' }])
  })
})

describe('settling twice', () => {
  test('a thenable that calls back again and again has one ending', async () => {
    const { outcomes, late, options, clock } = observed()
    const first = new Response('first')
    const thenable = {
      // biome-ignore lint/suspicious/noThenProperty: a thenable is what is tested
      then(resolve: (value: Response) => void, reject: (error: unknown) => void) {
        resolve(first)
        reject(new Error('second'))
        resolve(new Response('third'))
        reject(new Error('fourth'))
      },
    } as PromiseLike<Response>
    expect(await soon(guard(() => thenable, options)(get()))).toBe(first)
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'completed' }])
    expect(late).toEqual([])
  })

  test('a thenable that calls back after the deadline, twice, is late once', async () => {
    const { outcomes, late, options, clock } = observed({ timeoutMs: 10 })
    let settle = () => {}
    const thenable = {
      // biome-ignore lint/suspicious/noThenProperty: a thenable is what is tested
      then(resolve: (value: Response) => void, reject: (error: unknown) => void) {
        settle = () => {
          reject(new Error('late'))
          resolve(new Response())
          reject(new Error('later'))
        }
      },
    } as PromiseLike<Response>
    void guard(() => thenable, options)(get())
    await clock.advance(10)
    settle()
    settle()
    await clock.advance(0)
    expect(outcomes).toHaveLength(1)
    expect(late).toMatchObject([{ kind: 'failed', error: { message: 'late' } }])
  })

  test('a thenable whose then() throws is a failure', async () => {
    const { outcomes, options, clock } = observed()
    const error = new Error('boom')
    const thenable = {
      // biome-ignore lint/suspicious/noThenProperty: a thenable is what is tested
      then() {
        throw error
      },
    } as unknown as PromiseLike<Response>
    expect((await soon(guard(() => thenable, options)(get()))).status).toBe(500)
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'failed', error }])
  })

  test('a thenable whose `then` cannot be read is a failure', async () => {
    const { outcomes, options, clock } = observed()
    const error = new Error('boom')
    const thenable = Object.defineProperty({}, 'then', {
      get() {
        throw error
      },
    }) as never
    expect((await soon(guard(() => thenable, options)(get()))).status).toBe(500)
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'failed', error }])
  })
})

describe('what an abandoned handler does', () => {
  async function abandoned() {
    const { late, options, clock } = observed({ timeoutMs: 100 })
    const work = deferred<Response>()
    const request = get()
    const guarded = guard(() => work.promise, options)
    const reply = guarded(request)
    await clock.advance(100)
    expect(guarded.stats).toMatchObject({ active: 0, abandoned: 1 })
    await clock.advance(25)
    return { late, clock, work, request, guarded, reply }
  }

  test('a late response is recorded once, and its body is cancelled with the reason', async () => {
    const { late, clock, work, request, guarded } = await abandoned()
    const body = source()
    work.resolve(new Response(body.stream))
    await clock.advance(0)
    expect(late).toEqual([
      { kind: 'completed', outcome: expect.objectContaining({ kind: 'timed-out' }), afterMs: 25 },
    ])
    expect(body.cancelled).toEqual([request.signal.reason])
    expect(guarded.stats).toMatchObject({
      abandoned: 0,
      late: { completed: 1, failed: 0, cancelled: 0 },
    })
  })

  test('a late response whose body cannot be cancelled does no harm', async () => {
    const { late, clock, work } = await abandoned()
    const response = new Response(source().stream)
    response.body?.getReader()
    work.resolve(response)
    await clock.advance(0)
    expect(late).toMatchObject([{ kind: 'completed' }])
  })

  test.each([
    ['nothing', undefined],
    ['a string', 'late'],
    ['an object with an odd body', { body: { cancel: () => 1 } }],
  ])('coming back late with %s does no harm', async (_, value) => {
    const { late, clock, work } = await abandoned()
    work.resolve(value as never)
    await clock.advance(0)
    expect(late).toMatchObject([{ kind: 'completed' }])
  })

  test('a late error is recorded once, with its identity and its stack', async () => {
    const { late, clock, work, guarded } = await abandoned()
    const error = new Error('late')
    const { stack } = error
    work.reject(error)
    await clock.advance(0)
    expect(late).toHaveLength(1)
    expect(late[0]).toMatchObject({ kind: 'failed', afterMs: 25 })
    expect(late[0]?.error).toBe(error)
    expect(error.stack).toBe(stack)
    expect(guarded.stats.late).toEqual({ completed: 0, failed: 1, cancelled: 0 })
  })

  test.each([
    ['the reason itself', (reason: unknown) => reason],
    ['an error caused by the reason', (cause: unknown) => new Error('query failed', { cause })],
    ['any AbortError', () => Object.assign(new Error('aborted'), { name: 'AbortError' })],
  ])('%s thrown late is a cancellation', async (_, make) => {
    const { late, clock, work, request, guarded } = await abandoned()
    const error = make(request.signal.reason)
    work.reject(error)
    await clock.advance(0)
    expect(late).toMatchObject([{ kind: 'cancelled' }])
    expect(late[0]?.error).toBe(error)
    expect(guarded.stats.late).toEqual({ completed: 0, failed: 0, cancelled: 1 })
  })

  test('a late error never becomes an unhandled rejection, though nobody waits for the reply', async () => {
    const { late, clock, work, reply } = await abandoned()
    await reply
    work.reject(new Error('nobody handles this'))
    await clock.advance(100)
    expect(late).toHaveLength(1)
  })

  test('of two handlers each is late for itself', async () => {
    const { late, options, clock } = observed({ timeoutMs: 10 })
    const works = [deferred<Response>(), deferred<Response>()]
    let calls = 0
    const guarded = guard(() => works[calls++]!.promise, options)
    void guarded(get('/a'))
    void guarded(get('/b'))
    await clock.advance(10)
    expect(guarded.stats.abandoned).toBe(2)
    works[1]?.resolve(new Response())
    await clock.advance(0)
    expect(guarded.stats.abandoned).toBe(1)
    works[0]?.reject(new Error('boom'))
    await clock.advance(0)
    expect(late.map(({ kind }) => kind)).toEqual(['completed', 'failed'])
  })
})

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

describe('following the client', () => {
  test('the signal of the runtime is not touched within the first 10 ms', async () => {
    const { options, clock } = observed()
    const { request, seen } = watchedRequest()
    const work = deferred<Response>()
    const reply = guard(() => work.promise, options)(request)
    await clock.advance(9)
    work.resolve(new Response())
    await soon(reply)
    await clock.advance(100)
    expect(seen).toEqual({ reads: 0, added: 0, removed: 0 })
    expect(clock.pending).toBe(0)
  })

  test('it is followed after that', async () => {
    const { outcomes, options, clock } = observed()
    const { request, seen, close } = watchedRequest()
    void guard(never, options)(request)
    await clock.advance(10)
    expect(seen.added).toBe(1)
    close()
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'client-closed', elapsedMs: 10 }])
  })

  test('a client that leaves within the first 10 ms is noticed after them', async () => {
    const { outcomes, options, clock } = observed()
    const { request, close } = watchedRequest()
    void guard(never, options)(request)
    await clock.advance(3)
    close()
    await clock.advance(7)
    expect(outcomes).toMatchObject([{ kind: 'client-closed', elapsedMs: 10 }])
    expect(clock.pending).toBe(0)
  })

  test('it is followed as soon as the handler reads its signal', async () => {
    const { outcomes, options, clock } = observed()
    const { request, seen, close } = watchedRequest()
    void guard((own: Request) => own.signal && never(), options)(request)
    expect(seen.added).toBe(1)
    close()
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'client-closed', elapsedMs: 0 }])
  })

  test('a signal that is first read after the client has left is aborted', async () => {
    const { outcomes, options, clock } = observed()
    const { request, close } = watchedRequest()
    let aborted = false
    const reply = guard((own: Request) => {
      close()
      aborted = own.signal.aborted
      return never()
    }, options)(request)
    expect(aborted).toBe(true)
    expect(request.signal.reason).toBeInstanceOf(ClientClosedError)
    expect((await soon(reply)).status).toBe(499)
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'client-closed' }])
  })

  test('watch: eager follows it at once', async () => {
    const { outcomes, options, clock } = observed({ watch: 'eager' })
    const { request, seen, close } = watchedRequest()
    void guard(never, options)(request)
    expect(seen.added).toBe(1)
    close()
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'client-closed', elapsedMs: 0 }])
  })

  test('an attached client that costs nothing is watched at once, and the signal is left alone', async () => {
    const { outcomes, options, clock } = observed()
    const { request, seen } = watchedRequest()
    const client = new FakeClient()
    attachClient(request, client)
    void guard((own: Request) => own.signal && never(), options)(request)
    expect(client.watchers).toBe(1)
    client.close()
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'client-closed' }])
    expect(seen.reads).toBe(0)
  })

  test('an attached client that has a cost is watched after 10 ms', async () => {
    const { options, clock } = observed()
    const client = new FakeClient({ cheap: false })
    void guard(never, options)(withClient(client))
    await clock.advance(9)
    expect(client.watchers).toBe(0)
    await clock.advance(1)
    expect(client.watchers).toBe(1)
  })

  test('a request without a signal is guarded as well', async () => {
    const { outcomes, options, clock } = observed({ timeoutMs: 50 })
    const request = get()
    Object.setPrototypeOf(
      request,
      Object.create(Object.getPrototypeOf(request), { signal: { value: undefined } }),
    )
    void guard(never, options)(request)
    await clock.advance(50)
    expect(outcomes).toMatchObject([{ kind: 'timed-out' }])
    expect(request.signal.aborted).toBe(true)
  })
})

describe('after the ending', () => {
  const endings: [string, (work: ReturnType<typeof deferred<Response>>, close: () => void) => void][] = [
    ['a response', (work) => work.resolve(new Response())],
    ['a failure', (work) => work.reject(new Error('boom'))],
    ['a disconnect', (_, close) => close()],
    ['a timeout', () => {}],
  ]

  test.each(endings)('with %s no listener and no timer is left', async (_, end) => {
    const { outcomes, options, clock } = observed({ timeoutMs: 100 })
    const { request, listeners, close } = watchedRequest()
    const work = deferred<Response>()
    void guard(() => work.promise, options)(request)
    await clock.advance(20)
    expect(listeners()).toBe(1)
    end(work, close)
    await clock.advance(80)
    expect(outcomes).toHaveLength(1)
    expect(listeners()).toBe(0)
    expect(clock.pending).toBe(0)
  })

  test.each(endings)('with %s an attached client is left alone', async (_, end) => {
    const { outcomes, options, clock } = observed({ timeoutMs: 100 })
    const client = new FakeClient()
    const work = deferred<Response>()
    void guard(() => work.promise, options)(withClient(client))
    expect(client.watchers).toBe(1)
    end(work, () => client.close())
    await clock.advance(100)
    expect(outcomes).toHaveLength(1)
    expect(client.watchers).toBe(0)
    expect(clock.pending).toBe(0)
  })

  test('with a response a signal that was read goes on following the client', async () => {
    const { outcomes, options, clock } = observed()
    const { request, listeners, close } = watchedRequest()
    const guarded = guard(async (own: Request) => {
      const { signal } = own
      return new Response(new ReadableStream({ cancel() {} }), {
        headers: { 'x-aborted': `${signal.aborted}` },
      })
    }, options)
    await soon(guarded(request))
    await clock.advance(1_000)
    expect(request.signal.aborted).toBe(false)
    close('gone')
    expect(request.signal.reason).toBeInstanceOf(ClientClosedError)
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'completed' }])
    expect(scopeOf(request).outcome).toBe(outcomes[0])
    expect(listeners()).toBe(0)
  })

  test('with a response a signal that is first read then follows the client, too', async () => {
    const { options } = observed()
    const { request, close } = watchedRequest()
    guard(() => new Response(), options)(request)
    expect(request.signal.aborted).toBe(false)
    close()
    expect(request.signal.reason).toBeInstanceOf(ClientClosedError)
  })

  test('the same request object starts a new race', async () => {
    const { outcomes, options, clock } = observed({ timeoutMs: 100 })
    const request = get()
    const guarded = guard(never, options)
    void guarded(request)
    await clock.advance(100)
    const first = scopeOf(request)
    void guarded(request)
    expect(scopeOf(request)).not.toBe(first)
    expect(request.signal.aborted).toBe(false)
    await clock.advance(99)
    expect(outcomes).toHaveLength(1)
    await clock.advance(1)
    expect(outcomes.map(({ kind, elapsedMs }) => [kind, elapsedMs])).toEqual([
      ['timed-out', 100],
      ['timed-out', 100],
    ])
    expect(guarded.stats.outcomes['timed-out']).toBe(2)
    expect(clock.pending).toBe(0)
  })
})
