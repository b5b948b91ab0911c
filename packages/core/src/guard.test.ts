import { describe, expect, test, vi } from 'vitest'
import {
  deferred,
  FakeClient,
  get,
  never,
  observed,
  soon,
  source,
  spiedResponse,
  thrownBy,
  watchedRequest,
} from '../test/support.ts'
import { attachClient } from './client.ts'
import {
  ClientClosedError,
  guard,
  type HandlerResult,
  HandlerTimeoutError,
  ResponseSentError,
  scopeOf,
} from './index.ts'

describe('a handler that answers', () => {
  test('a synchronous response is handed on as the same object, at once', async () => {
    const { outcomes, options, clock } = observed()
    const response = new Response('hello', { status: 201 })
    expect(guard(() => response, options)(get())).toBe(response)
    await clock.advance(0)
    expect(outcomes).toEqual([{ kind: 'completed', status: 201, elapsedMs: 0 }])
  })

  test('a synchronous response sets no timer and reads no signal', () => {
    const { options, clock } = observed()
    const setTimeout = vi.spyOn(clock, 'setTimeout')
    const { request, seen } = watchedRequest()
    guard(() => new Response(), { ...options, watch: 'eager' })(request)
    expect(setTimeout).not.toHaveBeenCalled()
    expect(seen).toEqual({ reads: 0, added: 0, removed: 0 })
  })

  test('an asynchronous response is handed on as the same object', async () => {
    const { outcomes, options, clock } = observed()
    const work = deferred<Response>()
    const reply = guard(() => work.promise, options)(get())
    const response = new Response('hello')
    await clock.advance(7)
    work.resolve(response)
    expect(await soon(reply)).toBe(response)
    await clock.advance(0)
    expect(outcomes).toEqual([{ kind: 'completed', status: 200, elapsedMs: 7 }])
    expect(clock.pending).toBe(0)
  })

  test.each([
    ['synchronous', (response: Response) => response],
    ['asynchronous', async (response: Response) => response],
  ])('the body of a %s response is never looked at', async (_, handler) => {
    const { options, clock } = observed()
    const { response, seen } = spiedResponse()
    expect(await soon(guard(() => handler(response), options)(get()))).toBe(response)
    await clock.advance(0)
    expect(seen.reads).toBe(0)
  })

  test('the body of a thrown response is never looked at', async () => {
    const { options, clock } = observed()
    for (const status of [404, 502]) {
      const { response, seen } = spiedResponse('no', { status })
      const handler = async () => {
        throw response
      }
      expect(await soon(guard(handler, options)(get()))).toBe(response)
      await clock.advance(0)
      expect(seen.reads).toBe(0)
    }
  })

  test('the handler gets the very same Request object', () => {
    const request = get()
    const prototype = Object.getPrototypeOf(request)
    let seen: Request | undefined
    guard((given: Request) => {
      seen = given
      return new Response()
    })(request)
    expect(seen).toBe(request)
    expect(request instanceof Request).toBe(true)
    expect(Object.getPrototypeOf(request)).toBe(prototype)
  })

  test('what the runtime passes besides the request, and `this`, arrive by identity', () => {
    const env = { KV: {} }
    const ctx = { waitUntil() {} }
    let seen: unknown[] = []
    const server = {
      fetch: guard(function (this: unknown, _request: Request, ...rest: object[]) {
        seen = [this, ...rest]
        return new Response()
      }),
    }
    server.fetch(get(), env, ctx)
    expect(seen).toHaveLength(3)
    expect(seen[0]).toBe(server)
    expect(seen[1]).toBe(env)
    expect(seen[2]).toBe(ctx)
  })

  test('request.signal is an own property that shows the signal of the scope', async () => {
    const { options } = observed()
    const request = get()
    let before: AbortSignal | undefined
    guard((own: Request) => {
      before = own.signal
      return new Response()
    }, options)(request)
    expect(before).toBe(scopeOf(request).signal)
    expect(Object.hasOwn(request, 'signal')).toBe(true)
    expect(Object.keys(request)).not.toContain('signal')
    expect(request.signal).toBe(before)
    expect(before?.aborted).toBe(false)
  })

  test('a handler that comes back with nothing, having written nothing, has failed', async () => {
    const { outcomes, options, clock } = observed()
    expect((guard(() => undefined, options)(get()) as Response).status).toBe(500)
    expect((await soon(guard(async () => {}, options)(get()))).status).toBe(500)
    await clock.advance(0)
    const failed = { kind: 'failed', status: 500, error: { code: 'NO_RESPONSE' } }
    expect(outcomes).toMatchObject([failed, failed])
  })

  test('a handler that comes back with nothing answers with what it wrote', async () => {
    const reply = guard((request: Request) => {
      const { response } = scopeOf(request)
      response.status = 201
      response.headers.set('location', '/orders/7')
      response.write('hello ').write('world')
    })(get()) as Response
    expect(reply.status).toBe(201)
    expect(reply.headers.get('location')).toBe('/orders/7')
    expect(await reply.text()).toBe('hello world')
  })

  test('a returned response comes before what was written', async () => {
    const reply = await guard(async (request: Request) => {
      scopeOf(request).response.write('written')
      return new Response('returned')
    })(get())
    expect(await reply.text()).toBe('returned')
  })

  test.each([
    ['a string', 'hello'],
    ['a number', 200],
    ['an object', { body: 'hello' }],
    ['false', false],
  ])('%s instead of a response is a failure that says so', async (_, value) => {
    for (const handler of [() => value as never, async () => value as never]) {
      const { outcomes, options, clock } = observed()
      const reply = await soon(guard(handler, options)(get()))
      expect(reply.status).toBe(500)
      await clock.advance(0)
      expect(outcomes).toMatchObject([{ kind: 'failed', phase: 'handling', status: 500 }])
      expect(outcomes[0]).toHaveProperty('error.message', expect.stringContaining('no Response'))
    }
  })

  test('an error that a framework has turned into a 5xx is recorded as a failure with that error', async () => {
    const { outcomes, options, clock } = observed()
    const boom = new Error('boom')
    const handler = (status: number) => async (request: Request) => {
      scopeOf(request).handledError = boom
      return new Response('oops', { status })
    }
    expect((await soon(guard(handler(500), options)(get()))).status).toBe(500)
    expect((await soon(guard(handler(404), options)(get()))).status).toBe(404)
    await clock.advance(0)
    expect(outcomes).toEqual([
      { kind: 'failed', phase: 'handling', status: 500, elapsedMs: 0, error: boom },
      { kind: 'completed', status: 404, elapsedMs: 0 },
    ])
  })
})

describe('the deadline', () => {
  test('the timeout response is sent at the deadline even when the handler ignores its signal', async () => {
    const { outcomes, options, clock } = observed({ timeoutMs: 5_000 })
    let settled = false
    const reply = Promise.resolve(guard(never, options)(get())).finally(() => {
      settled = true
    })
    await clock.advance(4_999)
    expect(settled).toBe(false)
    await clock.advance(1)
    const response = await soon(reply)
    expect(response.status).toBe(503)
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    expect(await response.json()).toEqual({
      type: 'about:blank',
      title: 'Service Unavailable',
      status: 503,
      code: 'HANDLER_TIMEOUT',
    })
    expect(outcomes).toEqual([
      { kind: 'timed-out', phase: 'handling', status: 503, elapsedMs: 5_000, timeoutMs: 5_000, lateMs: 0 },
    ])
    expect(clock.pending).toBe(0)
  })

  test('it is 30 seconds unless the guard is told otherwise', async () => {
    const { outcomes, options, clock } = observed()
    void guard(never, options)(get())
    await clock.advance(29_999)
    expect(outcomes).toEqual([])
    await clock.advance(1)
    expect(outcomes).toMatchObject([{ kind: 'timed-out', timeoutMs: 30_000 }])
  })

  test.each([408, 504, 500])('its status can be %i', async (timeoutStatus) => {
    const { outcomes, options, clock } = observed({ timeoutMs: 10, timeoutStatus })
    const reply = guard(never, options)(get())
    await clock.advance(10)
    const response = await soon(reply)
    expect(response.status).toBe(timeoutStatus)
    expect(await response.json()).toMatchObject({ status: timeoutStatus, code: 'HANDLER_TIMEOUT' })
    expect(outcomes).toMatchObject([{ status: timeoutStatus }])
  })

  test('it aborts the signal with a HandlerTimeoutError, after the outcome is fixed', async () => {
    const { options, clock } = observed({ timeoutMs: 100 })
    const request = get()
    let outcomeSeen: unknown
    void guard((own: Request) => {
      own.signal.addEventListener('abort', () => {
        outcomeSeen = scopeOf(own).outcome
      })
      return never()
    }, options)(request)
    await clock.advance(100)
    const { reason } = request.signal
    expect(reason).toBeInstanceOf(HandlerTimeoutError)
    expect(reason).toBeInstanceOf(Error)
    expect(reason).toMatchObject({ name: 'TimeoutError', code: 'HANDLER_TIMEOUT', timeoutMs: 100 })
    expect(outcomeSeen).toMatchObject({ kind: 'timed-out' })
  })

  test('a signal that is first read after the deadline is aborted already', async () => {
    const { options, clock } = observed({ timeoutMs: 100 })
    const request = get()
    void guard(never, options)(request)
    await clock.advance(100)
    expect(request.signal.aborted).toBe(true)
    expect(request.signal.reason).toBeInstanceOf(HandlerTimeoutError)
    expect(request.signal.reason).toBe(scopeOf(request).reason)
  })

  test.each([false, Number.POSITIVE_INFINITY] as const)('%s means that there is none', async (timeoutMs) => {
    const { outcomes, options, clock } = observed({ timeoutMs })
    const work = deferred<Response>()
    const reply = guard(() => work.promise, options)(get())
    await clock.advance(2 ** 33)
    work.resolve(new Response('at last'))
    expect(await (await soon(reply)).text()).toBe('at last')
    expect(outcomes).toMatchObject([{ kind: 'completed' }])
    expect(clock.pending).toBe(0)
  })

  test('what the abandoned handler writes afterwards throws the abort reason and is counted', async () => {
    const { options, clock } = observed({ timeoutMs: 100 })
    const gate = deferred<void>()
    const thrown: unknown[] = []
    const guarded = guard(async (request: Request) => {
      const { response } = scopeOf(request)
      response.headers.set('set-cookie', 'early=1')
      response.write('early')
      await gate.promise
      const attempts = [
        () => response.write('late'),
        () => response.headers,
        () => response.append('x-late', '1'),
        () => response.text('late', 201),
        () => {
          response.status = 201
        },
      ]
      for (const attempt of attempts) thrown.push(await thrownBy(attempt))
    }, options)
    const request = get()
    const reply = guarded(request)
    await clock.advance(100)
    const response = await soon(reply)
    gate.resolve()
    await clock.advance(0)
    expect(thrown).toHaveLength(5)
    for (const error of thrown) expect(error).toBe(request.signal.reason)
    expect(guarded.stats.lateWrites).toBe(5)
    expect(response.status).toBe(503)
    expect(response.headers.get('set-cookie')).toBeNull()
    expect(await response.text()).not.toContain('early')
  })

  test('a write after the handler itself has answered throws a ResponseSentError', async () => {
    const { options } = observed()
    const request = get()
    const guarded = guard(() => new Response(null, { status: 204 }), options)
    guarded(request)
    const error = await thrownBy(() => scopeOf(request).response.write('late'))
    expect(error).toBeInstanceOf(ResponseSentError)
    expect(error).toMatchObject({ code: 'RESPONSE_SENT', message: expect.stringContaining('204') })
    expect(guarded.stats.lateWrites).toBe(1)
  })
})

describe('a client that leaves', () => {
  test('it ends the request with a body-less 499 that is neither a timeout nor a failure', async () => {
    const { outcomes, late, options, clock } = observed({ timeoutMs: 100 })
    const { request, close } = watchedRequest()
    const log = vi.spyOn(console, 'error').mockImplementation(() => {})
    const guarded = guard(never, options)
    const reply = guarded(request)
    await clock.advance(20)
    close()
    const response = await soon(reply)
    expect(response.status).toBe(499)
    expect(response.body).toBeNull()
    await clock.advance(1_000)
    expect(outcomes).toEqual([{ kind: 'client-closed', phase: 'handling', status: 499, elapsedMs: 20 }])
    expect(guarded.stats.outcomes).toEqual({
      completed: 0,
      'timed-out': 0,
      'client-closed': 1,
      failed: 0,
      rejected: 0,
    })
    expect(late).toEqual([])
    expect(clock.pending).toBe(0)
    expect(log).not.toHaveBeenCalled()
    log.mockRestore()
  })

  test('it aborts the signal with a ClientClosedError, whatever the runtime gives as its reason', async () => {
    const { options, clock } = observed()
    const { request, close } = watchedRequest()
    void guard((own: Request) => own.signal && never(), options)(request)
    close('Error: aborted')
    await clock.advance(0)
    expect(request.signal.reason).toBeInstanceOf(ClientClosedError)
    expect(request.signal.reason).toMatchObject({ name: 'AbortError', code: 'CLIENT_CLOSED' })
  })

  test('its handler never runs when it is known, for nothing, to have gone already', async () => {
    const { outcomes, options, clock } = observed()
    const handler = vi.fn(() => new Response())
    const request = get()
    attachClient(request, new FakeClient({ closed: true }))
    const response = guard(handler, options)(request) as Response
    expect(handler).not.toHaveBeenCalled()
    expect(response.status).toBe(499)
    expect(response.body).toBeNull()
    await clock.advance(0)
    expect(outcomes).toEqual([{ kind: 'client-closed', phase: 'waiting', status: 499, elapsedMs: 0 }])
  })

  test('its handler runs when asking would have a cost', () => {
    const handler = vi.fn(() => new Response('hello'))
    const request = get()
    attachClient(request, new FakeClient({ closed: true, cheap: false }))
    expect((guard(handler)(request) as Response).status).toBe(200)
    expect(handler).toHaveBeenCalled()
  })

  test.each([
    ['thrown', () => Promise.reject(brokenPipe())],
    [
      'thrown synchronously',
      () => {
        throw brokenPipe()
      },
    ],
  ])('an EPIPE %s once it is gone is no failure, though nobody has followed it', async (_, fail) => {
    const { outcomes, options, clock } = observed()
    const { request, close } = watchedRequest()
    const reply = guard((): Promise<Response> => {
      close()
      return fail()
    }, options)(request)
    expect((await soon(reply)).status).toBe(499)
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'client-closed', phase: 'handling' }])
  })

  test('an EPIPE of an upstream is a failure while it is there', async () => {
    const { outcomes, options, clock } = observed()
    const error = brokenPipe()
    const reply = guard(() => Promise.reject(error), options)(get())
    expect((await soon(reply)).status).toBe(500)
    await clock.advance(0)
    expect(outcomes).toEqual([{ kind: 'failed', phase: 'handling', status: 500, elapsedMs: 0, error }])
  })

  test('an error that a framework has turned into a 500 once it is gone is no failure either', async () => {
    const { outcomes, options, clock } = observed()
    const { request, close } = watchedRequest()
    const guarded = guard(async (own: Request) => {
      close()
      scopeOf(own).handledError = brokenPipe()
      return new Response('oops', { status: 500 })
    }, options)
    await soon(guarded(request))
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'client-closed' }])
  })

  test('a 500 that a framework made for nobody has its body cancelled, and leaves no timer', async () => {
    const { outcomes, options, clock } = observed({ streamTotalMs: 1_000 })
    const { request, close } = watchedRequest()
    const body = source()
    const guarded = guard(async (own: Request) => {
      close()
      scopeOf(own).handledError = brokenPipe()
      return new Response(body.stream, { status: 500 })
    }, options)
    expect((await soon(guarded(request))).status).toBe(499)
    await clock.advance(0)
    expect(body.cancelled).toHaveLength(1)
    expect(outcomes).toMatchObject([{ kind: 'client-closed' }])
    expect(clock.pending).toBe(0)
  })

  test('it is not counted as a timeout when the deadline is shorter than the first tick', async () => {
    const { outcomes, options, clock } = observed({ timeoutMs: 5 })
    const { request, close } = watchedRequest()
    void guard(never, options)(request)
    await clock.advance(2)
    close()
    await clock.advance(10)
    expect(outcomes).toMatchObject([{ kind: 'client-closed', phase: 'handling' }])
  })

  test('it is not counted as a timeout when the loop was blocked past the first tick and the deadline', async () => {
    const { outcomes, options, clock } = observed({ timeoutMs: 100 })
    const { request, close } = watchedRequest()
    void guard(never, options)(request)
    clock.block(300)
    close()
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'client-closed', phase: 'handling' }])
  })
})

function brokenPipe(): Error {
  return Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })
}

describe('upgrades', () => {
  test('a request that asks for a WebSocket is not guarded', async () => {
    const { outcomes, options, clock } = observed()
    const request = get('/', { headers: { upgrade: 'WebSocket' } })
    const guarded = guard((own: Request): undefined => {
      expect(() => scopeOf(own)).toThrow()
    }, options)
    expect(guarded(request)).toBeUndefined()
    await clock.advance(0)
    expect(outcomes).toEqual([])
    expect(Object.hasOwn(request, 'signal')).toBe(false)
  })

  test('other upgrades are no way around the deadline', async () => {
    const { outcomes, options, clock } = observed({ timeoutMs: 10 })
    void guard(never, options)(get('/', { headers: { upgrade: 'h2c' } }))
    await clock.advance(10)
    expect(outcomes).toMatchObject([{ kind: 'timed-out' }])
  })

  test('an attached client knows better than the header', async () => {
    const { outcomes, options, clock } = observed()
    const upgrading = get()
    attachClient(upgrading, new FakeClient({ upgrading: true }))
    const plain = get('/', { headers: { upgrade: 'websocket' } })
    attachClient(plain, new FakeClient())
    const guarded = guard(() => new Response(), options)
    guarded(upgrading)
    guarded(plain)
    await clock.advance(0)
    expect(outcomes).toHaveLength(1)
  })
})

describe('types', () => {
  test('a guarded handler has the shape of the handler', async () => {
    const handler = (_request: Request, env: { name: string }): HandlerResult => new Response(env.name)
    const guarded = guard(handler)
    expect(await (await guarded(get(), { name: 'env' })).text()).toBe('env')
    // @ts-expect-error the environment is missing
    expect((await guarded(get())).status).toBe(500)
  })
})
