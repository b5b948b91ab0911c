import { PassThrough, Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { HandlerTimeoutError } from '@curfew/core'
import cors from '@koa/cors'
import type Koa from 'koa'
import session from 'koa-session'
import { describe, expect, test } from 'vitest'
import { type CurfewMiddleware, curfew, scopeOf } from '../../src/koa.ts'
import { get, RawClient } from '../raw-client.ts'
import {
  session as connected,
  deferred,
  fetched,
  Journal,
  never,
  rejection,
  soon,
  watchOutput,
} from '../support.ts'
import type { Protocol } from './parity.ts'
import { nothingLeft, startKoa } from './support.ts'

const origin = ['Origin: http://web.example']

/** An app whose handler does what it is told to, once it is told to. */
async function abandoned(act: (ctx: Koa.Context) => unknown, protocol: Protocol = 'http') {
  const running = new Journal<Koa.Context>()
  const hand = deferred<void>()
  const done = new Journal<string>()
  let guard!: CurfewMiddleware
  const started = await startKoa((app, options) => {
    guard = curfew(options)
    app.keys = ['key']
    app.use(cors({ origin: 'http://web.example' }))
    app.use(async (ctx, next) => {
      ctx.set('x-request-id', ctx.path)
      await next()
      done.add(`${ctx.path} ${ctx.status}`)
    })
    app.use(guard)
    app.use(async (ctx) => {
      ctx.set('x-secret', 'inner')
      ctx.cookies.set('secret', 'inner')
      ctx.body = `answer to ${ctx.path}`
      if (ctx.path === '/next') return
      running.add(ctx)
      await hand.promise
      await act(ctx)
    })
  }, protocol)
  return { ...started, running, hand, done, guard }
}

const actions: Record<string, (ctx: Koa.Context) => unknown> = {
  'sets the body': (ctx) => {
    ctx.body = 'late'
  },
  'sets the body to an object': (ctx) => {
    ctx.body = { late: true }
  },
  'sets the body to null': (ctx) => {
    ctx.body = null
  },
  'sets the body to a stream': (ctx) => {
    ctx.body = Readable.from(['late'])
  },
  'sets the body to a Response': (ctx) => {
    ctx.body = new Response('late', { status: 201, headers: { 'x-late': '1' } })
  },
  'sets status, message, type and length': (ctx) => {
    ctx.status = 201
    if (ctx.req.httpVersionMajor < 2) ctx.message = 'Late'
    ctx.type = 'html'
    ctx.length = 4
  },
  'sets and removes headers': (ctx) => {
    ctx.set('x-late', '1')
    ctx.append('x-late', '2')
    ctx.vary('x-late')
    ctx.remove('access-control-allow-origin')
    ctx.res.setHeader('x-late', '3')
    ctx.res.appendHeader('x-late', '4')
    ctx.res.removeHeader('vary')
  },
  'sets a cookie': (ctx) => {
    ctx.cookies.set('late', '1', { signed: true })
  },
  redirects: (ctx) => ctx.redirect('/late'),
  'flushes the head': (ctx) => ctx.flushHeaders(),
  'writes for itself': (ctx) => {
    ctx.respond = false
    ctx.res.writeHead(200, { 'x-late': '1' })
    ctx.res.write('late')
    ctx.res.end('late')
  },
  'pipes into the response': async (ctx) => {
    const error = await rejection(pipeline(Readable.from(['late', 'later']), ctx.res))
    // As it is for a client that has gone: Node 20 has the one, later ones the other.
    expect((error as NodeJS.ErrnoException).code).toMatch(/^ERR_STREAM_(PREMATURE_CLOSE|UNABLE_TO_PIPE)$/)
  },
  'destroys the response, and its socket': (ctx) => {
    ctx.res.destroy()
    ctx.req.destroy()
    ctx.socket.destroy()
  },
}

describe('after a timeout, a handler that', () => {
  test.each(Object.entries(actions))('%s reaches nobody', async (_, act) => {
    const output = watchOutput()
    const { port, clock, running, hand, guard, outcomes, late, errors } = await abandoned(act)
    const client = await RawClient.sending(port, get('/slow', { headers: origin }))
    await running.first()
    await clock.advance(100)
    const reply = await client.response()
    expect(reply).toMatchObject({ status: 503, reason: 'Service Unavailable', complete: true })
    expect(JSON.parse(reply.body)).toMatchObject({ status: 503, code: 'HANDLER_TIMEOUT' })
    const headers = Object.fromEntries(reply.headers)
    expect(headers).toMatchObject({
      'access-control-allow-origin': 'http://web.example',
      vary: 'Origin',
      'x-request-id': '/slow',
      'content-type': 'application/problem+json',
    })
    expect(Object.keys(headers)).not.toContain('x-secret')
    expect(Object.keys(headers)).not.toContain('set-cookie')

    await clock.advance(50)
    hand.resolve()
    const [settlement] = await late.reached(1)
    expect(settlement).toMatchObject({ kind: 'completed', afterMs: 50, outcome: { kind: 'timed-out' } })

    client.send(get('/next'))
    const [, next] = await client.responses(2)
    expect(next).toMatchObject({ status: 200, body: 'answer to /next' })
    expect(Object.fromEntries(next!.headers)).toMatchObject({ 'x-request-id': '/next', 'x-secret': 'inner' })
    expect(await outcomes.reached(2)).toMatchObject([
      { kind: 'timed-out', status: 503 },
      { kind: 'completed', status: 200 },
    ])
    expect(errors).toEqual([])
    expect(output).toEqual([])
    expect(guard.stats).toMatchObject({ ...nothingLeft, late: { completed: 1 } })
  })

  // Into what has gone, Node's own pipelines of HTTP/2 wait for ever.
  const overHttp2 = Object.entries(actions).filter(([name]) => name !== 'pipes into the response')
  test.each(overHttp2)('%s reaches nobody over HTTP/2', async (_, act) => {
    const output = watchOutput()
    const { port, clock, running, hand, late, errors } = await abandoned(act, 'h2c')
    const connection = connected('h2c', port)
    const answer = fetched('h2c', port, { path: '/slow', session: connection })
    await running.first()
    await clock.advance(100)
    const { status, headers, body, broken } = await answer
    expect({ status, broken }).toEqual({ status: 503, broken: undefined })
    expect(JSON.parse(body)).toMatchObject({ code: 'HANDLER_TIMEOUT' })
    expect(headers).toMatchObject({ vary: 'Origin', 'x-request-id': '/slow' })
    expect(headers).not.toHaveProperty('x-secret')
    expect(headers).not.toHaveProperty('set-cookie')
    hand.resolve()
    expect(await late.first()).toMatchObject({ kind: 'completed' })
    const next = await fetched('h2c', port, { path: '/next', session: connection })
    expect(next).toMatchObject({ status: 200, body: 'answer to /next' })
    expect(errors).toEqual([])
    expect(output).toEqual([])
  })

  test('throws is recorded, with its own stack, and no error of the app', async () => {
    const output = watchOutput()
    const { port, clock, running, hand, guard, late, errors, done } = await abandoned(function lateBug() {
      throw new Error('late')
    })
    const client = await RawClient.sending(port, get('/slow'))
    await running.first()
    await clock.advance(100)
    expect((await client.response()).status).toBe(503)
    hand.resolve()
    const [settlement] = await late.reached(1)
    expect(settlement).toMatchObject({ kind: 'failed', error: { message: 'late' } })
    expect((settlement as unknown as { error: Error }).error.stack).toContain('lateBug')
    expect(done.all).toEqual(['/slow 503'])
    expect(errors).toEqual([])
    expect(output).toEqual([])
    expect(guard.stats).toMatchObject({ ...nothingLeft, late: { failed: 1 } })
  })

  test('stops because of its signal is recorded as cancelled, and no error of the app', async () => {
    const output = watchOutput()
    const { port, clock, running, hand, late, errors } = await abandoned((ctx) =>
      fetch(`http://127.0.0.1:${port}/slow`, { signal: scopeOf(ctx).signal }),
    )
    hand.resolve()
    const client = await RawClient.sending(port, get('/slow'))
    await running.reached(3)
    await clock.advance(100)
    expect((await client.response()).status).toBe(503)
    expect((await late.first()).kind).toBe('cancelled')
    expect(errors).toEqual([])
    expect(output).toEqual([])
  })

  test('goes to the next middleware finds its request ended', async () => {
    const hand = deferred<void>()
    const seen = deferred<unknown>()
    const running = deferred<void>()
    const output = watchOutput()
    const { port, clock, late } = await startKoa((app, options) => {
      app.use(curfew(options))
      app.use(async (_ctx, next) => {
        running.resolve()
        await hand.promise
        await next()
      })
      app.use(curfew({ timeoutMs: 50 }))
      app.use((ctx) => {
        seen.resolve(scopeOf(ctx).reason)
        throw new Error('late')
      })
    })
    const client = await RawClient.sending(port, get('/'))
    await running.promise
    await clock.advance(100)
    expect((await client.response()).status).toBe(503)
    hand.resolve()
    expect(await seen.promise).toBeInstanceOf(HandlerTimeoutError)
    expect(await late.first()).toMatchObject({ kind: 'failed', error: { message: 'late' } })
    expect(output).toEqual([])
  })
})

describe('the middleware outside', () => {
  test('goes on at the deadline, with what was sent, though the handler never ends', async () => {
    const told = new Journal<string>()
    const { port, clock, errors } = await startKoa((app, options) => {
      app.use(async (ctx, next) => {
        const add = (what: string): void => told.add(`${what} ${ctx.status} ${ctx.res.writableEnded}`)
        ctx.res.once('finish', () => add('finish'))
        ctx.res.once('close', () => add('close'))
        try {
          await next()
          add(`next ${ctx.headerSent} ${ctx.body}`)
          ctx.set('x-too-late', '1')
          ctx.status = 200
          ctx.body = { too: 'late' }
          // As koa-logger does.
          ctx.res.once('finish', () => add('finish after next'))
        } finally {
          add('finally')
        }
      })
      app.use(curfew(options))
      app.use((ctx) => {
        ctx.body = 'half'
        told.add('running')
        return never()
      })
    })
    const client = await RawClient.sending(port, get('/'))
    await told.first()
    await clock.advance(100)
    const reply = await client.response()
    expect(reply.status).toBe(503)
    expect(reply.headers.map(([name]) => name)).not.toContain('x-too-late')
    await soon(told.reached(6))
    expect(told.all).toEqual([
      'running',
      'next true undefined 503 true',
      'finally 503 true',
      'finish 503 true',
      'finish after next 503 true',
      'close 503 true',
    ])
    expect(errors).toEqual([])
  })

  test('has its own errors handled as ever', async () => {
    const hand = deferred<void>()
    const running = deferred<void>()
    const { port, clock, errors, outcomes } = await startKoa((app, options) => {
      app.use(async (ctx, next) => {
        await next()
        if (ctx.status === 503) throw new Error('cannot log')
      })
      app.use(curfew(options))
      app.use(() => {
        running.resolve()
        return hand.promise
      })
    })
    const client = await RawClient.sending(port, get('/'))
    await running.promise
    await clock.advance(100)
    expect((await client.response()).status).toBe(503)
    expect(await outcomes.first()).toMatchObject({ kind: 'timed-out', status: 503 })
    expect(errors).toMatchObject([{ message: 'cannot log', headerSent: true }])
    hand.resolve()
  })

  test('is under the deadline with what it still does', async () => {
    const hand = deferred<void>()
    const waits = deferred<void>()
    let guard!: CurfewMiddleware
    const { port, clock, errors, outcomes, late } = await startKoa((app, options) => {
      guard = curfew(options)
      app.use(async (ctx, next) => {
        await next()
        waits.resolve()
        await hand.promise
        ctx.body = 'too late'
      })
      app.use(guard)
      app.use((ctx) => {
        ctx.body = 'in time'
      })
    })
    const client = await RawClient.sending(port, get('/'))
    await waits.promise
    await clock.advance(100)
    expect((await client.response()).status).toBe(503)
    // What was inside is done.
    expect(await late.first()).toMatchObject({ kind: 'completed', afterMs: 0 })
    expect(guard.stats).toMatchObject(nothingLeft)
    hand.resolve()
    client.send(get('/'))
    expect((await client.responses(2))[1]).toMatchObject({ status: 200, body: 'too late' })
    expect(await outcomes.reached(2)).toMatchObject([{ kind: 'timed-out' }, { kind: 'completed' }])
    expect(errors).toEqual([])
    expect(late.all).toHaveLength(1)
  })

  test('a session in a store is saved at the deadline, and its cookie is not in the reply', async () => {
    const saved = new Journal<unknown>()
    const running = deferred<void>()
    const { port, clock, errors } = await startKoa((app, options) => {
      app.keys = ['key']
      const store = {
        get: async () => null,
        set: async (_id: string, value: unknown) => saved.add(value),
        destroy: async () => {},
      }
      app.use(session({ maxAge: 'session', store } as never, app) as never)
      app.use(curfew(options))
      app.use((ctx) => {
        ;(ctx as unknown as { session: { user: string } }).session.user = 'ann'
        running.resolve()
        return never()
      })
    })
    const client = await RawClient.sending(port, get('/'))
    await running.promise
    await clock.advance(100)
    const reply = await client.response()
    expect(reply.status).toBe(503)
    expect(reply.headers.map(([name]) => name)).not.toContain('set-cookie')
    expect(await soon(saved.first())).toMatchObject({ user: 'ann' })
    expect(errors).toEqual([])
  })
})

test('a body that stalls is answered for, and destroyed', async () => {
  const body = new PassThrough()
  const closed = deferred<void>()
  body.once('close', () => closed.resolve())
  const piping = deferred<void>()
  const { port, clock, errors, outcomes } = await startKoa((app, options) => {
    app.use(curfew(options))
    app.use((ctx) => {
      body.write('half of it')
      body.once('resume', () => piping.resolve())
      ctx.body = body
    })
  })
  const client = await RawClient.sending(port, get('/'))
  await piping.promise
  await clock.advance(100)
  expect(await client.response()).toMatchObject({ status: 503, complete: true })
  await soon(closed.promise)
  expect(await outcomes.first()).toMatchObject({ kind: 'timed-out' })
  expect(errors).toEqual([])
})

test('timeouts over HTTP/2 keep what was set outside, too', async () => {
  const running = deferred<void>()
  const { port, clock, errors } = await startKoa((app, options) => {
    app.use(async (ctx, next) => {
      ctx.set('x-request-id', '1')
      await next()
      ctx.set('x-too-late', '1')
    })
    app.use(curfew(options))
    app.use((ctx) => {
      ctx.set('x-secret', 'inner')
      running.resolve()
      return never()
    })
  }, 'h2c')
  const answer = fetched('h2c', port)
  await running.promise
  await clock.advance(100)
  const { status, headers, body } = await answer
  expect(status).toBe(503)
  expect(JSON.parse(body)).toMatchObject({ code: 'HANDLER_TIMEOUT' })
  expect(headers).toMatchObject({ 'x-request-id': '1', 'content-type': 'application/problem+json' })
  expect(headers).not.toHaveProperty('x-secret')
  expect(headers).not.toHaveProperty('x-too-late')
  expect(errors).toEqual([])
})
