import { describe, expect, test } from 'vitest'
import { deferred, get, observed, oddities, soon } from '../test/support.ts'
import { guard, ShutdownError } from './index.ts'

describe('a handler that throws', () => {
  test.each([
    [
      'synchronously',
      (error: unknown): Promise<Response> => {
        throw error
      },
    ],
    ['later', (error: unknown): Promise<Response> => Promise.reject(error)],
  ])('%s is answered with a 500 that does not give the message away', async (_, fail) => {
    const { outcomes, options, clock } = observed()
    const error = new Error('password is hunter2')
    const { stack } = error
    const response = await soon(guard(() => fail(error), options)(get()))
    expect(response.status).toBe(500)
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    expect(await response.json()).toEqual({
      type: 'about:blank',
      title: 'Internal Server Error',
      status: 500,
      code: 'HANDLER_FAILED',
    })
    await clock.advance(0)
    expect(outcomes).toEqual([{ kind: 'failed', phase: 'handling', status: 500, elapsedMs: 0, error }])
    expect(outcomes[0]).toHaveProperty('error', error)
    expect(error.stack).toBe(stack)
    expect(clock.pending).toBe(0)
  })

  describe.each(oddities)('with %s', (_, make) => {
    test.each([false, true])('is answered with a 500, exposeErrors: %s', async (exposeErrors) => {
      const failures = [
        (value: unknown): Promise<Response> => {
          throw value
        },
        (value: unknown): Promise<Response> => Promise.reject(value),
      ]
      for (const fail of failures) {
        const { outcomes, options, clock } = observed({ exposeErrors })
        const value = make()
        const response = await soon(guard(() => fail(value), options)(get()))
        expect(response.status).toBe(500)
        await clock.advance(0)
        expect(outcomes.map(({ kind }) => kind)).toEqual(['failed'])
        expect(Object.is((outcomes[0] as { error?: unknown }).error, value)).toBe(true)
      }
    })

    test('is handed on as it is under rethrow', async () => {
      const { options } = observed({ rethrow: true })
      const value = make()
      const handlers = [
        (): never => {
          throw value
        },
        () => Promise.reject(value),
      ]
      const same: boolean[] = []
      for (const handler of handlers) {
        try {
          await soon(guard(handler, options)(get()))
        } catch (error) {
          same.push(Object.is(error, value))
        }
      }
      expect(same).toEqual([true, true])
    })

    test('after its end is one late failure', async () => {
      const { late, options, clock } = observed({ timeoutMs: 10 })
      const work = deferred<Response>()
      const guarded = guard(() => work.promise, options)
      void guarded(get())
      await clock.advance(10)
      const value = make()
      work.reject(value)
      await clock.advance(0)
      expect(late.map(({ kind }) => kind)).toEqual(['failed'])
      expect(Object.is(late[0]!.error, value)).toBe(true)
      expect(guarded.stats).toMatchObject({ abandoned: 0, late: { failed: 1 } })
    })
  })

  test('the message is in the 500 under exposeErrors', async () => {
    const detail = async (error: unknown) => {
      const response = await soon(guard(() => Promise.reject(error), { exposeErrors: true })(get()))
      return ((await response.json()) as { detail?: unknown }).detail
    }
    expect(await detail(new Error('boom'))).toBe('boom')
    expect(await detail('plain')).toBe('plain')
    expect(await detail(null)).toBe('null')
  })

  test('a response that it throws below 500 is its answer', async () => {
    const { outcomes, options, clock } = observed()
    const response = new Response('not here', { status: 404 })
    const failures = [
      (): never => {
        throw response
      },
      () => Promise.reject(response),
    ]
    for (const fail of failures) expect(await soon(guard(fail, options)(get()))).toBe(response)
    await clock.advance(0)
    expect(outcomes).toEqual([
      { kind: 'completed', status: 404, elapsedMs: 0 },
      { kind: 'completed', status: 404, elapsedMs: 0 },
    ])
  })

  test('a response that it throws of 500 or above is sent, and is a failure', async () => {
    const { outcomes, options, clock } = observed()
    const response = new Response('upstream', { status: 502 })
    expect(await soon(guard(() => Promise.reject(response), options)(get()))).toBe(response)
    await clock.advance(0)
    expect(outcomes).toEqual([
      { kind: 'failed', phase: 'handling', status: 502, elapsedMs: 0, error: response },
    ])
  })

  test('an error with getResponse() brings its own response', async () => {
    const { outcomes, options, clock } = observed()
    const withResponse = (status: number) =>
      Object.assign(new Error('http'), { getResponse: () => new Response('mine', { status }) })
    const error = withResponse(503)
    const low = await soon(guard(() => Promise.reject(withResponse(401)), options)(get()))
    const high = await soon(guard(() => Promise.reject(error), options)(get()))
    expect([low.status, await low.text(), high.status, await high.text()]).toEqual([401, 'mine', 503, 'mine'])
    await clock.advance(0)
    expect(outcomes).toEqual([
      { kind: 'completed', status: 401, elapsedMs: 0 },
      { kind: 'failed', phase: 'handling', status: 503, elapsedMs: 0, error },
    ])
  })

  test.each([
    [
      'throws',
      () => {
        throw new Error('again')
      },
    ],
    ['gives no response', () => 'nope'],
    ['gives a promise', () => Promise.resolve(new Response())],
  ])('an error whose getResponse() %s is a plain 500', async (_, getResponse) => {
    const { outcomes, options, clock } = observed()
    const error = Object.assign(new Error('http'), { getResponse })
    expect((await soon(guard(() => Promise.reject(error), options)(get()))).status).toBe(500)
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'failed', error }])
  })

  test('rethrow hands on a synchronous throw synchronously, recorded', async () => {
    const { outcomes, options, clock } = observed({ rethrow: true })
    const error = new Error('boom')
    const guarded = guard(() => {
      throw error
    }, options)
    expect(() => guarded(get())).toThrow(error)
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'failed', error }])
    expect(guarded.stats.active).toBe(0)
  })

  test('rethrow hands on a rejection as a rejection, recorded', async () => {
    const { outcomes, options, clock } = observed({ rethrow: true })
    const error = new Error('boom')
    await expect(guard(() => Promise.reject(error), options)(get())).rejects.toBe(error)
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'failed', error }])
    expect(clock.pending).toBe(0)
  })

  test('rethrow sends a response that was thrown, of 500 or above as well', async () => {
    const { outcomes, options, clock } = observed({ rethrow: true })
    const response = new Response('upstream', { status: 502 })
    const sync = (): never => {
      throw response
    }
    expect(guard(sync, options)(get())).toBe(response)
    expect(await soon(guard(() => Promise.reject(response), options)(get()))).toBe(response)
    await clock.advance(0)
    expect(outcomes).toMatchObject([
      { kind: 'failed', status: 502 },
      { kind: 'failed', status: 502 },
    ])
  })

  test('rethrow hands on the error of a handler that returned no response', async () => {
    const { outcomes, options, clock } = observed({ rethrow: true })
    expect(() => guard(() => 'hello' as never, options)(get())).toThrow('no Response')
    await expect(guard(async () => 'hello' as never, options)(get())).rejects.toThrow('no Response')
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'failed' }, { kind: 'failed' }])
  })

  test('rethrow still answers a timeout and keeps a late throw to itself', async () => {
    const { outcomes, late, options, clock } = observed({ rethrow: true, timeoutMs: 10 })
    const work = deferred<Response>()
    const reply = guard(() => work.promise, options)(get())
    await clock.advance(10)
    work.reject(new Error('late'))
    expect((await soon(reply)).status).toBe(503)
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'timed-out' }])
    expect(late).toMatchObject([{ kind: 'failed' }])
  })

  test('rethrow does not hand on what comes once the shutdown has answered', async () => {
    const stop = new AbortController()
    const { outcomes, late, options, clock } = observed({ rethrow: true, shutdown: stop.signal })
    const error = new Error('too late')
    const guarded = guard((): Response => {
      stop.abort()
      throw error
    }, options)
    let reply: Response | Promise<Response> | undefined
    expect(() => {
      reply = guarded(get())
    }).not.toThrow()
    expect((reply as Response).status).toBe(503)
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'failed', status: 503, error: expect.any(ShutdownError) }])
    expect(late).toMatchObject([{ kind: 'failed', error }])
  })

  test('its signal is not aborted: the ending is its own', async () => {
    const { options, clock } = observed()
    const request = get()
    void guard((own: Request) => {
      own.signal.addEventListener('abort', () => {})
      return Promise.reject(new Error('boom'))
    }, options)(request)
    await clock.advance(0)
    expect(request.signal.aborted).toBe(false)
  })
})
