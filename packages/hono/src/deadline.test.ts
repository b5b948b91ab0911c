import { InvalidOptionError } from '@curfew/core'
import { type Context, Hono } from 'hono'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { deferred, never, observed, read, soon, timeoutReply } from '../test/support.ts'
import { curfew, deadline, type Limit, scopeOf } from './index.ts'

/** The moments at which a route without an answer is timed out, under a guard of 100 ms. */
async function struckAt(limit: Limit | ((c: Context) => Limit)): Promise<number | undefined> {
  const { clock, options, outcomes } = observed()
  const app = new Hono()
  app.use(curfew(options))
  app.get('/', deadline(limit), never)
  void app.request('/')
  await clock.advance(60_000)
  return outcomes[0]?.elapsedMs
}

describe('deadline() under a guard', () => {
  test.each<[number, number]>([
    [30, 30],
    [99, 99],
    [101, 101],
    [5_000, 5_000],
    [0.5, 1],
  ])('of %d ms strikes after %d ms', async (limit, ms) => {
    expect(await struckAt(limit)).toBe(ms)
  })

  test.each<[Limit]>([[false], [Number.POSITIVE_INFINITY]])('of %s never strikes', async (limit) => {
    expect(await struckAt(limit)).toBeUndefined()
  })

  test('may be a function of the request', async () => {
    const { clock, options, outcomes } = observed()
    const app = new Hono()
    app.use(curfew(options))
    app.get(
      '/',
      deadline((c) => (c.req.query('deep') ? 500 : 20)),
      never,
    )
    void app.request('/')
    void app.request('/?deep=1')
    await clock.advance(500)
    expect(outcomes.map(({ elapsedMs }) => elapsedMs)).toEqual([20, 500])
  })

  test('a function may also say that there is none', async () => {
    expect(await struckAt(() => false)).toBeUndefined()
  })

  test('counts from where it stands', async () => {
    const { clock, options, outcomes } = observed()
    const first = deferred()
    const app = new Hono()
    app.use(curfew(options))
    app.use(async (_, next) => {
      await first.promise
      await next()
    })
    app.get('/', deadline(200), never)
    void app.request('/')
    await clock.advance(80)
    first.resolve()
    await clock.advance(1_000)
    expect(outcomes).toMatchObject([{ kind: 'timed-out', elapsedMs: 280, timeoutMs: 200 }])
  })

  test('the innermost one counts', async () => {
    const { clock, options, outcomes } = observed()
    const app = new Hono()
    app.use(curfew(options))
    app.use('/api/*', deadline(500))
    app.get('/api/short', deadline(50), never)
    app.get('/api/long', deadline(1_000), never)
    void app.request('/api/short')
    void app.request('/api/long')
    await clock.advance(2_000)
    expect(outcomes.map(({ elapsedMs }) => elapsedMs)).toEqual([50, 1_000])
  })

  test('has one outcome, and its reply has what was set outside the guard', async () => {
    const { clock, options, outcomes } = observed()
    const app = new Hono()
    app.use(async (c, next) => {
      c.header('x-outer', '1')
      await next()
    })
    app.use(curfew(options))
    app.get('/', deadline(300), (c) => {
      c.header('x-inner', 'secret')
      return never()
    })
    const reply = app.request('/')
    await clock.advance(300)
    expect(await read(await soon(reply))).toEqual({
      ...timeoutReply,
      headers: [...timeoutReply.headers, ['x-outer', '1']],
    })
    expect(outcomes).toHaveLength(1)
  })

  test('the handler can move it while it runs', async () => {
    const { clock, options, outcomes } = observed()
    const app = new Hono()
    app.use(curfew(options))
    app.get('/', deadline(200), async (c) => {
      scopeOf(c).deadline.extend(100)
      return never()
    })
    void app.request('/')
    await clock.advance(1_000)
    expect(outcomes).toMatchObject([{ elapsedMs: 300 }])
  })

  test('cannot lengthen what the request itself allows', async () => {
    const { clock, options, outcomes } = observed({ inbound: () => 150 })
    const app = new Hono()
    app.use(curfew(options))
    app.get('/', deadline(500), never)
    void app.request('/')
    await clock.advance(1_000)
    expect(outcomes).toMatchObject([{ elapsedMs: 150 }])
  })

  test('a handler that answers through scope.response does so under it, too', async () => {
    const { options } = observed()
    const app = new Hono()
    app.use(curfew(options))
    app.get('/', deadline(300), async (c) => {
      scopeOf(c).response.text('written', 201)
      return undefined as never
    })
    expect(await read(await soon(app.request('/')))).toMatchObject({ status: 201, body: 'written' })
  })
})

describe('deadline() alone', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  test.each([[200], [() => 200]])('is a guard', async (limit: number | (() => number)) => {
    const app = new Hono()
    let reason: unknown
    app.use(async (c, next) => {
      c.header('x-outer', '1')
      await next()
    })
    app.get('/', deadline(limit), (c) => {
      const { signal } = scopeOf(c)
      signal.addEventListener('abort', () => {
        reason = signal.reason
      })
      c.header('x-inner', 'secret')
      return never()
    })
    let settled = false
    const reply = Promise.resolve(app.request('/')).finally(() => {
      settled = true
    })
    await vi.advanceTimersByTimeAsync(199)
    expect(settled).toBe(false)
    await vi.advanceTimersByTimeAsync(1)
    expect(settled).toBe(true)
    expect(await read(await reply)).toEqual({
      ...timeoutReply,
      headers: [...timeoutReply.headers, ['x-outer', '1']],
    })
    expect(reason).toMatchObject({ code: 'HANDLER_TIMEOUT', timeoutMs: 200 })
  })

  test('of false guards without a limit', async () => {
    const work = deferred<Response>()
    const app = new Hono()
    app.get('/', deadline(false), (c) => {
      expect(scopeOf(c).deadline.timeoutMs).toBe(Number.POSITIVE_INFINITY)
      return work.promise
    })
    const reply = app.request('/')
    await vi.advanceTimersByTimeAsync(3_600_000)
    work.resolve(new Response('at last'))
    expect(await (await reply).text()).toBe('at last')
  })
})

describe('a bad limit', () => {
  const bad: [value: unknown, shown: string][] = [
    [Number.NaN, 'NaN'],
    [0, '0'],
    [-1, '-1'],
    ['5s', '"5s"'],
    [true, 'true'],
    [null, 'null'],
    [undefined, 'undefined'],
    [{}, '[object Object]'],
  ]

  test.each(bad)('of %o is refused at once, by name and value', (value, shown) => {
    let error: unknown
    try {
      deadline(value as number)
    } catch (thrown) {
      error = thrown
    }
    expect(error).toBeInstanceOf(InvalidOptionError)
    expect(error).toMatchObject({ option: 'timeoutMs', message: expect.stringContaining(`got ${shown}`) })
  })

  test.each([
    ['under a guard', true],
    ['alone', false],
  ])(
    'that a function gave %s goes to onError, by name and value, and the handler never runs',
    async (_, guarded) => {
      for (const [value, shown] of bad) {
        const { clock, options, outcomes } = observed()
        const onError = vi.fn((error: Error, c: Context) => c.text(error.message, 500))
        const handler = vi.fn((c: Context) => c.text('hello'))
        const app = new Hono()
        app.onError(onError)
        if (guarded) app.use(curfew(options))
        app.get(
          '/',
          deadline(() => value as number),
          handler,
        )
        const { status, body } = await read(await soon(app.request('/')))
        await clock.advance(0)
        expect(status).toBe(500)
        expect(body).toContain('timeoutMs')
        expect(body).toContain(`got ${shown}`)
        expect(onError).toHaveBeenCalledTimes(1)
        expect(onError.mock.calls[0]![0]).toBeInstanceOf(InvalidOptionError)
        expect(handler).not.toHaveBeenCalled()
        if (guarded) expect(outcomes).toMatchObject([{ kind: 'failed', status: 500 }])
      }
    },
  )

  test('a function that throws goes to onError', async () => {
    const boom = new Error('boom')
    for (const guarded of [true, false]) {
      const app = new Hono()
      app.onError((error, c) => c.text(error.message, 500))
      if (guarded) app.use(curfew())
      app.get(
        '/',
        deadline(() => {
          throw boom
        }),
        (c) => c.text('hello'),
      )
      expect(await read(await soon(app.request('/')))).toMatchObject({ status: 500, body: 'boom' })
    }
  })
})
