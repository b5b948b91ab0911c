import { Agent, get } from 'node:http'
import type { Outcome } from '@curfew/core'
import { curfew, deadline, scopeOf } from '@curfew/hono'
import { type Context, Hono } from 'hono'
import { setCookie } from 'hono/cookie'
import { cors } from 'hono/cors'
import { requestId } from 'hono/request-id'
import { describe, expect, onTestFinished, test } from 'vitest'
import { fetchOver, oneConnection, served } from './sockets.ts'
import { type Deferred, deferred, never, observed, timeoutReply } from './support.ts'

/** Options of a guard whose endings can be waited for. */
function recorded(options: Parameters<typeof observed>[0] = {}) {
  const first = deferred<Outcome>()
  const watched = observed(options)
  const { onOutcome } = watched.options
  return {
    ...watched,
    recordedOne: first.promise,
    options: {
      ...watched.options,
      onOutcome: (outcome: Outcome, request: Request) => {
        onOutcome(outcome, request)
        first.resolve(outcome)
      },
    },
  }
}

describe('over a connection', () => {
  test('a handler in time answers, with what was set inside and outside', async () => {
    const { options, recordedOne } = recorded()
    const app = new Hono()
    app.use(cors())
    app.use(curfew(options))
    app.get('/', async (c) => {
      setCookie(c, 'a', '1')
      setCookie(c, 'b', '2')
      return c.text('hello', 201)
    })
    const { url } = await served({ fetch: app.fetch })
    const { status, headers, body } = await fetchOver(oneConnection(), url)
    expect({ status, body }).toEqual({ status: 201, body: 'hello' })
    expect(headers).toMatchObject({
      'access-control-allow-origin': '*',
      'set-cookie': ['a=1; Path=/', 'b=2; Path=/'],
    })
    expect(await recordedOne).toMatchObject({ kind: 'completed', status: 201 })
  })

  test('text and the timeout reply are written in one piece, as text is without a guard', async () => {
    const { clock, options } = recorded()
    const started = deferred()
    const app = new Hono()
    app.get('/plain', async (c) => c.text('hello'))
    app.use(curfew(options))
    app.get('/guarded', async (c) => c.text('hello'))
    app.get('/slow', () => {
      started.resolve()
      return never()
    })
    const { url } = await served({ fetch: app.fetch })
    const agent = oneConnection()
    const plain = await fetchOver(agent, `${url}/plain`)
    const guarded = await fetchOver(agent, `${url}/guarded`)
    const slow = fetchOver(agent, `${url}/slow`)
    await started.promise
    await clock.advance(100)
    const timeout = await slow
    expect(Object.keys(guarded.headers)).toEqual(Object.keys(plain.headers))
    expect(plain.headers['content-length']).toBe('5')
    expect(guarded.headers['content-length']).toBe('5')
    expect(timeout.headers['content-length']).toBe(String(timeoutReply.body.length))
  })

  test('the timeout reply arrives with what was set outside, and with nothing from inside', async () => {
    const { clock, options, recordedOne } = recorded()
    const started = deferred()
    const app = new Hono()
    app.use(cors())
    app.use(requestId({ generator: () => 'id-1' }))
    app.use(async (c, next) => {
      setCookie(c, 'a', '1')
      setCookie(c, 'b', '2')
      await next()
      c.header('x-after', '1')
    })
    app.use(curfew(options))
    app.get('/', (c) => {
      c.header('x-inner', 'secret')
      setCookie(c, 'inner', 'secret')
      started.resolve()
      return never()
    })
    const { url } = await served({ fetch: app.fetch })
    const reply = fetchOver(oneConnection(), url)
    await started.promise
    await clock.advance(100)
    const { status, headers, body } = await reply
    expect({ status, body }).toEqual({ status: 503, body: timeoutReply.body })
    expect(headers).toMatchObject({
      'access-control-allow-origin': '*',
      'content-type': 'application/problem+json',
      'set-cookie': ['a=1; Path=/', 'b=2; Path=/'],
      'x-after': '1',
      'x-request-id': 'id-1',
    })
    expect(headers).not.toHaveProperty('x-inner')
    expect(await recordedOne).toMatchObject({ kind: 'timed-out', status: 503 })
  })

  test('the timeout reply is whole although its handler comes back before it is written', async () => {
    const { clock, options, late } = recorded()
    const started = deferred()
    const hand = deferred()
    const outside = deferred()
    const app = new Hono()
    app.use(async (_, next) => {
      await next()
      await outside.promise
    })
    app.use(curfew(options))
    app.get('/', async (c) => {
      started.resolve()
      await hand.promise
      c.header('x-late', '1')
      return c.text('late')
    })
    const { url } = await served({ fetch: app.fetch })
    const reply = fetchOver(oneConnection(), url)
    await started.promise
    await clock.advance(100)
    hand.resolve()
    await clock.advance(0)
    outside.resolve()
    const { status, headers, body } = await reply
    expect({ status, body }).toEqual({ status: 503, body: timeoutReply.body })
    expect(headers).not.toHaveProperty('x-late')
    await clock.advance(0)
    expect(late).toHaveLength(1)
  })

  test('requests that follow on the connection have nothing of the abandoned ones before them', async () => {
    const { clock, options, outcomes, late } = recorded()
    const started: Deferred<void>[] = []
    const hands: Deferred<void>[] = []
    const app = new Hono()
    app.use(curfew(options))
    app.get('/slow', async (c) => {
      const hand = deferred()
      hands.push(hand)
      started.at(-1)!.resolve()
      await hand.promise
      c.header('x-late', 'secret')
      c.res = new Response('secret', { headers: { 'x-late': 'secret' } })
      return c.text('secret')
    })
    app.get('/fast', async (c) => {
      for (const hand of hands) hand.resolve()
      await Promise.resolve()
      return c.text('fast')
    })
    const { url } = await served({ fetch: app.fetch })
    const agent = oneConnection()
    for (let round = 0; round < 3; round++) {
      started.push(deferred())
      const slow = fetchOver(agent, `${url}/slow`)
      await started[round]!.promise
      await clock.advance(100)
      expect(await slow).toMatchObject({ status: 503, body: timeoutReply.body, reused: round > 0 })
      const { headers, ...fast } = await fetchOver(agent, `${url}/fast`)
      expect(fast).toEqual({ status: 200, body: 'fast', reused: true })
      expect(headers).not.toHaveProperty('x-late')
    }
    await clock.advance(0)
    expect(outcomes.map(({ kind }) => kind)).toEqual([
      'timed-out',
      'completed',
      'timed-out',
      'completed',
      'timed-out',
      'completed',
    ])
    expect(late).toHaveLength(3)
  })

  test('a client that leaves aborts the signal, and is recorded as client-closed, once', async () => {
    const { options, clock, outcomes, recordedOne } = recorded()
    const started = deferred()
    const reason = deferred<unknown>()
    const app = new Hono()
    app.use(curfew(options))
    app.get('/', (c) => {
      const { signal } = scopeOf(c)
      signal.addEventListener('abort', () => reason.resolve(signal.reason))
      started.resolve()
      return never()
    })
    const { url } = await served({ fetch: app.fetch })
    const request = get(url, { agent: new Agent() })
    request.on('error', () => {})
    await started.promise
    request.destroy()
    expect(await reason.promise).toMatchObject({ code: 'CLIENT_CLOSED', name: 'AbortError' })
    expect(await recordedOne).toMatchObject({ kind: 'client-closed', phase: 'handling', status: 499 })
    await clock.advance(1_000)
    expect(outcomes).toHaveLength(1)
  })

  test('100 requests at once, half of them too slow, have nothing of each other', async () => {
    const { clock, options, outcomes } = recorded()
    const allStarted = deferred()
    const hand = deferred()
    const quick = deferred()
    let started = 0
    const app = new Hono()
    app.use(requestId({ generator: (c) => `id-${c.req.query('n')}` }))
    app.use(curfew(options))
    app.get('/', async (c) => {
      const n = c.req.query('n')!
      c.header('x-inner', n)
      if (++started === 100) allStarted.resolve()
      await (Number(n) % 2 ? hand : quick).promise
      c.header('x-inner', n)
      return c.text(`hello ${n}`)
    })
    const { url } = await served({ fetch: app.fetch })
    const agent = new Agent({ keepAlive: true })
    onTestFinished(() => agent.destroy())
    const replies = Array.from({ length: 100 }, (_, n) => fetchOver(agent, `${url}/?n=${n}`))
    await allStarted.promise
    quick.resolve()
    await Promise.all(replies.filter((_, n) => n % 2 === 0))
    await clock.advance(100)
    hand.resolve()
    for (const [n, { status, headers, body }] of (await Promise.all(replies)).entries()) {
      expect(headers['x-request-id']).toBe(`id-${n}`)
      expect(headers['x-inner']).toBe(n % 2 ? undefined : String(n))
      expect({ status, body }).toEqual(
        n % 2 ? { status: 503, body: timeoutReply.body } : { status: 200, body: `hello ${n}` },
      )
    }
    await clock.advance(0)
    expect(outcomes).toHaveLength(100)
  })
})

describe('under a guarded serve()', () => {
  async function scene(handler: (c: Context) => Response | Promise<Response>, own: { timeoutMs?: number }) {
    const outer = recorded({ timeoutMs: 1_000 })
    const inner = observed({ clock: outer.clock, ...own })
    const guard = curfew(inner.options)
    const app = new Hono()
    app.use(guard)
    app.get('/', handler)
    app.get('/route', deadline(3_000), handler)
    const { url } = await served({ fetch: app.fetch, ...outer.options })
    return { outer, inner, guard, url, clock: outer.clock }
  }

  test('there is one race and one outcome, and both guards are told it', async () => {
    const { outer, inner, guard, url } = await scene(async (c) => c.text('hello'), { timeoutMs: 100 })
    expect(await fetchOver(oneConnection(), url)).toMatchObject({ status: 200, body: 'hello' })
    const outcome = await outer.recordedOne
    await outer.clock.advance(0)
    expect(outcome).toMatchObject({ kind: 'completed', status: 200 })
    expect(outer.outcomes).toEqual([outcome])
    expect(inner.outcomes).toEqual([outcome])
    expect(inner.outcomes[0]).toBe(outcome)
    expect(guard.stats).toMatchObject({ active: 0, outcomes: { completed: 1 } })
  })

  test.each([
    [100, '/', 100],
    [2_000, '/', 2_000],
    [100, '/route', 3_000],
  ])('a curfew() of %d ms decides for %s: it is timed out after %d ms, once', async (timeoutMs, path, ms) => {
    const started = deferred()
    const { outer, inner, url, clock } = await scene(
      () => {
        started.resolve()
        return never()
      },
      { timeoutMs },
    )
    const reply = fetchOver(oneConnection(), url + path)
    await started.promise
    await clock.advance(ms - 1)
    expect(outer.outcomes).toEqual([])
    await clock.advance(1)
    expect(await reply).toMatchObject({ status: 503, body: timeoutReply.body })
    const outcome = await outer.recordedOne
    await clock.advance(10_000)
    expect(outcome).toMatchObject({ kind: 'timed-out', elapsedMs: ms })
    expect(outer.outcomes).toEqual([outcome])
    expect(inner.outcomes).toEqual([outcome])
  })

  test('an error is answered by onError, and recorded once as failed', async () => {
    const boom = new Error('boom')
    const outer = recorded({ timeoutMs: 1_000 })
    const inner = observed({ clock: outer.clock })
    const app = new Hono()
    app.onError((error, c) => c.text(`onError: ${error.message}`, 500))
    app.use(curfew(inner.options))
    app.get('/', async () => {
      throw boom
    })
    const { url } = await served({ fetch: app.fetch, ...outer.options })
    expect(await fetchOver(oneConnection(), url)).toMatchObject({ status: 500, body: 'onError: boom' })
    const outcome = await outer.recordedOne
    await outer.clock.advance(0)
    expect(outcome).toMatchObject({ kind: 'failed', status: 500, error: boom })
    expect(inner.outcomes).toEqual([outcome])
  })

  test('deadline() without a curfew() moves the deadline of the server', async () => {
    const outer = recorded({ timeoutMs: 100 })
    const started = deferred()
    const app = new Hono()
    app.get('/', deadline(500), () => {
      started.resolve()
      return never()
    })
    const { url } = await served({ fetch: app.fetch, ...outer.options })
    const reply = fetchOver(oneConnection(), url)
    await started.promise
    await outer.clock.advance(499)
    expect(outer.outcomes).toEqual([])
    await outer.clock.advance(1)
    expect((await reply).status).toBe(503)
    expect(await outer.recordedOne).toMatchObject({ kind: 'timed-out', elapsedMs: 500 })
  })
})
