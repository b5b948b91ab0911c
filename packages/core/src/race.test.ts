import { describe, expect, test } from 'vitest'
import { deferred, FakeClient, get, never, observed, soon, source } from '../test/support.ts'
import { attachClient } from './client.ts'
import { ClientClosedError, guard, HandlerTimeoutError, ShutdownError } from './index.ts'

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
    await clock.advance(50)
    clock.setTimeout(() => client.close(), 50)
    await clock.advance(200)
    expect(outcomes).toMatchObject([{ kind: 'timed-out', elapsedMs: 100 }])
    expect(request.signal.reason).toBeInstanceOf(HandlerTimeoutError)
  })

  test('all three have one ending', async () => {
    const { outcomes, late, options, clock } = observed({ timeoutMs: 100 })
    const client = new FakeClient()
    const work = deferred<Response>()
    const reply = guard(() => work.promise, options)(withClient(client))
    await clock.advance(50)
    clock.setTimeout(() => {
      work.reject(new Error('boom'))
      client.close()
    }, 50)
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
    ['a copy of the reason', (reason: unknown) => new Error((reason as Error).message)],
    ['a copy that has its name in the message', (reason: unknown) => new Error(String(reason))],
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
