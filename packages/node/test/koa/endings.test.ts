import { once } from 'node:events'
import { PassThrough, Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { http2Client } from '@curfew/conformance'
import { ClientClosedError, InvalidOptionError, NotGuardedError } from '@curfew/core'
import { type Report, reporter } from '@curfew/core/report'
import Router, { type RouterContext } from '@koa/router'
import { describe, expect, onTestFinished, test } from 'vitest'
import { guardListener } from '../../src/guard-listener.ts'
import { type CurfewMiddleware, curfew, deadline, scopeOf } from '../../src/koa.ts'
import { get, RawClient } from '../raw-client.ts'
import { aborted, call, deferred, Journal, never, soon, watchOutput } from '../support.ts'
import { listen } from './parity.ts'
import { nothingLeft, startKoa } from './support.ts'

describe('what is thrown', () => {
  test('inside is recorded as failed with its 500, and told to the app once', async () => {
    const error = new Error('inside')
    const { port, outcomes, errors } = await startKoa((app, options) => {
      app.use(curfew(options))
      app.use(() => {
        throw error
      })
    })
    const client = await RawClient.sending(port, get('/'))
    expect(await client.response()).toMatchObject({ status: 500, body: 'Internal Server Error' })
    expect(await outcomes.first()).toMatchObject({ kind: 'failed', status: 500, error })
    expect(errors).toEqual([error])
  })

  test('outside, after the handler, is recorded so, too', async () => {
    const error = new Error('outside')
    const { port, outcomes, errors } = await startKoa((app, options) => {
      app.use(async (_, next) => {
        await next()
        throw error
      })
      app.use(curfew(options))
      app.use((ctx) => {
        ctx.body = 'inner'
      })
    })
    const client = await RawClient.sending(port, get('/'))
    expect((await client.response()).status).toBe(500)
    expect(await outcomes.first()).toMatchObject({ kind: 'failed', status: 500, error })
    expect(errors).toEqual([error])
  })

  test('as an error of the client is a completed response', async () => {
    const { port, outcomes } = await startKoa((app, options) => {
      app.use(curfew(options))
      app.use((ctx) => ctx.throw(404, 'none'))
    })
    const client = await RawClient.sending(port, get('/'))
    expect((await client.response()).status).toBe(404)
    expect(await outcomes.first()).toMatchObject({ kind: 'completed', status: 404 })
  })

  test('and made good outside is a completed response; answered 502 it has failed', async () => {
    const { port, outcomes, errors } = await startKoa((app, options) => {
      app.use(async (ctx, next) => {
        try {
          await next()
        } catch (error) {
          ctx.status = Number(ctx.path.slice(1))
          ctx.body = (error as Error).message
        }
      })
      app.use(curfew(options))
      app.use(() => {
        throw new Error('inside')
      })
    })
    const client = await RawClient.sending(port, get('/200') + get('/502'))
    expect(await client.responses(2)).toMatchObject([{ status: 200, body: 'inside' }, { status: 502 }])
    expect(await outcomes.reached(2)).toMatchObject([
      { kind: 'completed', status: 200 },
      { kind: 'failed', status: 502, error: { message: 'inside' } },
    ])
    expect(errors).toEqual([])
  })

  test('by a stream before it was sent is a clean 500, told to the app once', async () => {
    const { port, outcomes, errors } = await startKoa((app, options) => {
      app.use(async (ctx, next) => {
        ctx.set('x-request-id', '1')
        await next()
      })
      app.use(curfew(options))
      app.use((ctx) => {
        ctx.set('x-secret', 'inner')
        ctx.body = Readable.from(
          (async function* () {
            yield 'half of a page'
            throw new Error('stream broke')
          })(),
        )
      })
    })
    const client = await RawClient.sending(port, get('/'))
    const reply = await client.response()
    expect(reply).toMatchObject({ status: 500, complete: true })
    expect(reply.body).not.toContain('half')
    expect(Object.fromEntries(reply.headers)).toMatchObject({ 'x-request-id': '1' })
    expect(reply.headers.map(([name]) => name)).not.toContain('x-secret')
    expect(await outcomes.first()).toMatchObject({
      kind: 'failed',
      status: 500,
      error: { message: 'stream broke' },
    })
    expect(errors).toMatchObject([{ message: 'stream broke', headerSent: true }])
  })
})

describe('a client that leaves', () => {
  test.each(['reset', 'close'] as const)('by a %s aborts the handler and is no error', async (how) => {
    const output = watchOutput()
    const running = deferred<AbortSignal>()
    const told = new Journal<string>()
    const { port, outcomes, late, errors } = await startKoa((app, options) => {
      app.use(async (_, next) => {
        try {
          await next()
          told.add('back')
        } finally {
          told.add('finally')
        }
      })
      app.use(curfew(options))
      app.use(async (ctx) => {
        const { signal } = ctx.req as unknown as { signal: AbortSignal }
        running.resolve(signal)
        throw await aborted(signal)
      })
    })
    const client = await RawClient.sending(port, get('/'))
    const signal = await running.promise
    client[how]()
    expect(await aborted(signal)).toBeInstanceOf(ClientClosedError)
    expect(await outcomes.first()).toMatchObject({ kind: 'client-closed', status: 499, phase: 'handling' })
    expect(await late.first()).toMatchObject({ kind: 'cancelled' })
    expect(await soon(told.reached(2))).toEqual(['back', 'finally'])
    expect(errors).toEqual([])
    expect(output).toEqual([])
  })

  test.each(['http', 'h2c'] as const)(
    'leaves nothing behind of a handler that hangs, over %s',
    async (protocol) => {
      const running = deferred<void>()
      const back = deferred<void>()
      let guard!: CurfewMiddleware
      const { port, outcomes, errors } = await startKoa((app, options) => {
        guard = curfew(options)
        app.use((_, next) => next().then(back.resolve))
        app.use(guard)
        app.use(() => {
          running.resolve()
          return never()
        })
      }, protocol)
      const request = call(protocol, port)
      await running.promise
      request.leave()
      expect(await outcomes.first()).toMatchObject({ kind: 'client-closed' })
      await soon(back.promise)
      expect(guard.stats).toMatchObject({ active: 0, abandoned: 1 })
      expect(errors).toEqual([])
    },
  )

  test.each(['http', 'h2c'] as const)(
    'while a body streams is no error, and ends the body, over %s',
    async (protocol) => {
      const output = watchOutput()
      const body = new PassThrough()
      const closed = deferred<void>()
      body.once('close', () => closed.resolve())
      const { port, outcomes, errors } = await startKoa((app, options) => {
        app.use(curfew(options))
        app.use((ctx) => {
          ctx.type = 'text/event-stream'
          body.write('data: 1\n\n')
          ctx.body = body
        })
      }, protocol)
      const request = call(protocol, port)
      await request.begun
      request.leave()
      await soon(closed.promise)
      expect(await outcomes.first()).toMatchObject({ kind: 'client-closed', phase: 'writing' })
      expect(errors).toEqual([])
      expect(output).toEqual([])
    },
  )

  test('while its body is held back is no error either', async () => {
    const body = new PassThrough()
    const piping = deferred<void>()
    const closed = deferred<void>()
    body.once('close', () => closed.resolve())
    const { port, outcomes, errors } = await startKoa((app, options) => {
      app.use(curfew(options))
      app.use((ctx) => {
        body.write('half')
        body.once('resume', () => piping.resolve())
        ctx.body = body
      })
    })
    const client = await RawClient.sending(port, get('/'))
    await piping.promise
    client.reset()
    await soon(closed.promise)
    expect(await outcomes.first()).toMatchObject({ kind: 'client-closed', phase: 'handling' })
    expect(errors).toEqual([])
  })

  test('in mid-upload is no error either', async () => {
    const output = watchOutput()
    const { port, outcomes, late, errors } = await startKoa((app, options) => {
      app.use(curfew(options))
      app.use(async (ctx) => {
        ctx.body = await text(ctx.req)
      })
    })
    const upload = `POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\n\r\n${'x'.repeat(500)}`
    for (let index = 0; index < 20; index++) {
      const client = await RawClient.sending(port, upload)
      client.reset()
      await client.over
    }
    expect((await outcomes.reached(20)).map(({ kind }) => kind)).toEqual(Array(20).fill('client-closed'))
    await late.reached(20)
    expect(errors).toEqual([])
    expect(output).toEqual([])
  })

  test('with a connection of HTTP/2 that breaks is no error of any of its streams', async () => {
    const { port, outcomes, errors } = await startKoa((app, options) => {
      app.use(curfew(options))
      app.use((ctx) => {
        ctx.type = 'text/event-stream'
        const body = new PassThrough()
        body.write('data: 1\n\n')
        ctx.body = body
      })
    }, 'h2c')
    const client = await http2Client(`http://127.0.0.1:${port}`)
    onTestFinished(client.destroy)
    for (let index = 0; index < 3; index++) await once(client.request({ path: '/' }), 'data')
    client.reset()
    expect((await outcomes.reached(3)).map(({ kind }) => kind)).toEqual(Array(3).fill('client-closed'))
    expect(errors).toEqual([])
  })

  test('is told from a connection to somebody else that broke', async () => {
    const upstream = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', syscall: 'read' })
    const { port, outcomes, errors } = await startKoa((app, options) => {
      app.use(curfew(options))
      app.use((ctx) => {
        const body = new PassThrough()
        ctx.status = 200
        ctx.flushHeaders()
        ctx.body = body
        body.write('begun')
        body.once('resume', () => setImmediate(() => body.destroy(upstream)))
      })
    })
    const client = await RawClient.sending(port, get('/'))
    await client.over
    expect(errors[0]).toBe(upstream)
    expect(await outcomes.first()).toMatchObject({ kind: 'failed', phase: 'streaming', error: upstream })
  })
})

describe('a guard under a guard', () => {
  test('shortens its deadline, counts, and what is between them is inside', async () => {
    const hand = deferred<void>()
    const running = deferred<void>()
    const told: string[] = []
    const back = deferred<void>()
    let [outer, inner]: CurfewMiddleware[] = []
    const { port, clock, outcomes, late, errors } = await startKoa((app, options) => {
      outer = curfew(options)
      inner = curfew({ timeoutMs: 30 })
      app.use(outer)
      app.use(async (_, next) => {
        await next().finally(() => told.push('between'))
        back.resolve()
      })
      app.use(inner)
      app.use(async () => {
        running.resolve()
        await hand.promise
        told.push('inside')
      })
    })
    const client = await RawClient.sending(port, get('/'))
    await running.promise
    expect([outer!.stats.active, inner!.stats.active]).toEqual([1, 1])
    await clock.advance(30)
    expect((await client.response()).status).toBe(503)
    expect(told).toEqual([])
    hand.resolve()
    await back.promise
    expect(told).toEqual(['inside', 'between'])
    expect(await outcomes.first()).toMatchObject({ kind: 'timed-out', timeoutMs: 30 })
    expect(await late.first()).toMatchObject({ kind: 'completed' })
    for (const { stats } of [outer!, inner!]) expect(stats).toMatchObject(nothingLeft)
    expect(errors).toEqual([])
  })

  test('what is thrown under both is told and recorded once', async () => {
    const { port, outcomes, errors } = await startKoa((app, options) => {
      app.use(curfew(options))
      app.use(curfew())
      app.use(() => {
        throw new Error('inside')
      })
    })
    const client = await RawClient.sending(port, get('/'))
    expect((await client.response()).status).toBe(500)
    expect(await outcomes.first()).toMatchObject({ kind: 'failed', error: { message: 'inside' } })
    expect(outcomes.all).toHaveLength(1)
    expect(errors).toHaveLength(1)
  })

  test('guardListener() around the app has all of it inside, and errors of the app recorded by curfew()', async () => {
    const outcomes = new Journal<unknown>()
    const { app } = await startKoa((app) => {
      app.use(curfew())
      app.use(() => {
        throw new Error('inside')
      })
    })
    const listener = guardListener(app.callback(), { onOutcome: (outcome) => outcomes.add(outcome) })
    const { port } = await listen(listener)
    const client = await RawClient.sending(port, get('/'))
    expect((await client.response()).status).toBe(500)
    expect(await outcomes.first()).toMatchObject({ kind: 'failed', error: { message: 'inside' } })
  })
})

describe('deadline()', () => {
  async function routes() {
    const running = new Journal<string>()
    const hands = new Map<string, () => void>()
    const started = await startKoa((app, options) => {
      const router = new Router()
      const handler = (ctx: { path: string; body: unknown }): Promise<void> =>
        new Promise((resolve) => {
          hands.set(ctx.path, () => {
            ctx.body = `answer to ${ctx.path}`
            resolve()
          })
          running.add(ctx.path)
        })
      router.get('/short', deadline(20), handler)
      router.get('/long', deadline(1_000), handler)
      router.get('/none', deadline(false), handler)
      router.get(
        '/for/:ms',
        deadline((ctx: RouterContext) => Number(ctx.params.ms)),
        handler,
      )
      app.use(curfew(options))
      app.use(router.routes())
    })
    return { ...started, running, hands }
  }

  test('shortens, lengthens and lifts the deadline of a route, also by a function', async () => {
    const { port, clock, running, hands, outcomes } = await routes()
    const paths = ['/short', '/long', '/none', '/for/500']
    const clients = await Promise.all(paths.map((path) => RawClient.sending(port, get(path))))
    await running.reached(4)
    await clock.advance(20)
    expect((await clients[0]!.response()).status).toBe(503)
    await clock.advance(480)
    expect((await clients[3]!.response()).status).toBe(503)
    hands.get('/long')!()
    expect(await clients[1]!.response()).toMatchObject({ status: 200, body: 'answer to /long' })
    await clock.advance(1_000_000)
    hands.get('/none')!()
    expect(await clients[2]!.response()).toMatchObject({ status: 200, body: 'answer to /none' })
    expect((await outcomes.reached(4)).map(({ kind }) => kind)).toEqual([
      'timed-out',
      'timed-out',
      'completed',
      'completed',
    ])
  })

  test('refuses a limit that is none: at once, or into the error handling of the app', async () => {
    for (const limit of [Number.NaN, 0, -1, undefined, '5']) {
      expect(() => deadline(limit as never)).toThrow(InvalidOptionError)
    }
    const { port, errors } = await routes()
    const client = await RawClient.sending(port, get('/for/nothing'))
    expect((await client.response()).status).toBe(500)
    expect(errors).toMatchObject([{ code: 'INVALID_OPTION' }])
  })

  test('is a guard where there is none', async () => {
    const { port, errors } = await startKoa((app) => {
      app.use(deadline(20))
      app.use((ctx) => (ctx.path === '/hangs' ? never() : undefined))
    })
    const client = await RawClient.sending(port, get('/hangs'))
    expect(await client.response()).toMatchObject({ status: 503, complete: true })
    client.send(get('/'))
    expect((await client.responses(2))[1]!.status).toBe(404)
    expect(errors).toEqual([])
  })
})

describe('a request that is refused', () => {
  test('does not come inside, and those outside see the reply', async () => {
    const running = deferred<void>()
    const hand = deferred<void>()
    const inside: string[] = []
    const outside = new Journal<string>()
    let guard!: CurfewMiddleware
    const { port, outcomes, errors } = await startKoa((app, options) => {
      guard = curfew({ ...options, maxConcurrent: 1 })
      app.use(async (ctx, next) => {
        ctx.set('x-request-id', ctx.path)
        await next()
        outside.add(`${ctx.path} ${ctx.respond === false}`)
        ctx.body = 'something else'
      })
      app.use(guard)
      app.use(async (ctx) => {
        inside.push(ctx.path)
        running.resolve()
        await hand.promise
      })
    })
    const first = await RawClient.sending(port, get('/first'))
    await running.promise
    const second = await RawClient.sending(port, get('/second'))
    const reply = await second.response()
    expect(reply).toMatchObject({ status: 503, complete: true })
    expect(JSON.parse(reply.body)).toMatchObject({ code: 'OVERLOADED' })
    expect(Object.fromEntries(reply.headers)).toMatchObject({
      'retry-after': expect.any(String),
      'x-request-id': '/second',
    })
    hand.resolve()
    expect(await first.response()).toMatchObject({ status: 200, body: 'something else' })
    second.send(get('/third'))
    expect((await second.responses(2))[1]).toMatchObject({ status: 200 })
    expect(inside).toEqual(['/first', '/third'])
    expect(outside.all).toEqual(['/second true', '/first false', '/third false'])
    expect(await outcomes.reached(3)).toMatchObject([
      { kind: 'rejected', status: 503 },
      { kind: 'completed' },
      { kind: 'completed' },
    ])
    expect(guard.stats).toMatchObject(nothingLeft)
    expect(errors).toEqual([])
  })

  test('at a shutdown those that run are answered 503, and those outside go on', async () => {
    const running = deferred<void>()
    const status = deferred<number>()
    const stopping = new AbortController()
    const { port, outcomes, errors } = await startKoa((app, options) => {
      app.use(async (ctx, next) => {
        await next()
        status.resolve(ctx.status)
      })
      app.use(curfew({ ...options, shutdown: stopping.signal }))
      app.use(() => {
        running.resolve()
        return never()
      })
    })
    const client = await RawClient.sending(port, get('/'))
    await running.promise
    stopping.abort()
    const reply = await client.response()
    expect(reply.status).toBe(503)
    expect(JSON.parse(reply.body)).toMatchObject({ code: 'SHUTDOWN' })
    expect(await soon(status.promise)).toBe(503)
    expect(await outcomes.first()).toMatchObject({ kind: 'failed', status: 503 })
    expect(errors).toEqual([])
  })
})

test('pipelined requests are answered in their order, each with its own', async () => {
  const running = new Journal<string>()
  const ended = deferred<void>()
  const hands = new Map<string, () => void>()
  const { port, clock } = await startKoa((app, options) => {
    app.use(curfew(options))
    app.use(async (_, next) => {
      await next()
      setImmediate(ended.resolve)
    })
    app.use(
      (ctx) =>
        new Promise<void>((resolve) => {
          hands.set(ctx.path, resolve)
          running.add(ctx.path)
          ctx.body = `answer to ${ctx.path}`
        }),
    )
  })
  const client = await RawClient.sending(port, get('/1') + get('/2') + get('/3'))
  await running.reached(3)
  hands.get('/2')!()
  await ended.promise
  expect(client.received).toBe('')
  await clock.advance(100)
  expect((await client.responses(3)).map(({ status, body }) => (status === 200 ? body : status))).toEqual([
    503,
    'answer to /2',
    503,
  ])
})

test('a body that outgrows maxBytes is made no faster than its client reads', async () => {
  const chunk = Buffer.alloc(64 * 1024, 'x')
  let made = 0
  let received = 0
  let ahead = 0
  const { port, outcomes } = await startKoa((app, options) => {
    app.use(curfew({ ...options, maxBytes: 100_000 }))
    app.use((ctx) => {
      ctx.body = Readable.from(
        (async function* () {
          for (let count = 0; count < 500; count++) {
            made += chunk.length
            ahead = Math.max(ahead, made - received)
            yield chunk
          }
        })(),
        { highWaterMark: 1 },
      )
    })
  })
  const client = await RawClient.connect(port)
  client.socket.on('data', ({ length }) => {
    received += length
  })
  client.send(get('/'))
  expect(await outcomes.first()).toMatchObject({ kind: 'completed', streamed: 'overflowed' })
  expect(made).toBe(500 * chunk.length)
  // The kernel has some of it; without any waiting it would be all.
  expect(ahead).toBeLessThan(made / 2)
})

test('reports know the route of @koa/router', async () => {
  const reports = new Journal<Report>()
  const { port } = await startKoa((app, options) => {
    const users = new Router({ prefix: '/users' })
    users.get('/:id', () => {
      throw new Error('no such user')
    })
    const api = new Router().use('/api', users.routes())
    app.use(curfew({ ...options, reporter: reporter({ hooks: [(report) => reports.add(report)] }) }))
    app.use(api.routes())
    app.use(() => {
      throw new Error('no such route')
    })
  })
  const client = await RawClient.sending(port, get('/api/users/17'))
  expect((await client.response()).status).toBe(500)
  client.send(get('/elsewhere'))
  expect((await client.responses(2))[1]!.status).toBe(500)
  expect((await reports.reached(2)).map(({ request }) => request.route)).toEqual([
    '/api/users/:id',
    undefined,
  ])
})

test('scopeOf() needs a guard, and curfew() options that it knows', async () => {
  const { port, errors } = await startKoa((app) => {
    app.use((ctx) => {
      scopeOf(ctx)
    })
  })
  const client = await RawClient.sending(port, get('/'))
  expect((await client.response()).status).toBe(500)
  expect(errors[0]).toBeInstanceOf(NotGuardedError)
  expect(() => curfew({ timeoutMs: -1 })).toThrow(InvalidOptionError)
  expect(() => curfew({ timeout: 5 } as never)).toThrow(InvalidOptionError)
  const taken = curfew as unknown as (...args: unknown[]) => unknown
  expect(() => taken({}, never)).toThrow('not app.use(curfew)')
})
