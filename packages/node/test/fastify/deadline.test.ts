import { once } from 'node:events'
import { Readable } from 'node:stream'
import { rawClient } from '@curfew/conformance'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { describe, expect, onTestFinished, test } from 'vitest'
import { aborted, call, deferred, fetched, keptAlive, session, soon, watchOutput } from '../support.ts'
import { requestOf } from './parity.ts'
import { guarded } from './support.ts'

const problem = {
  type: 'about:blank',
  title: 'Service Unavailable',
  status: 503,
  code: 'HANDLER_TIMEOUT',
}

type Handler = (request: FastifyRequest, reply: FastifyReply, late: Promise<void>) => unknown

/** What a handler does once its deadline has struck, and what is recorded of it. */
const lateDoings: Record<string, readonly [doing: Handler, settled: 'completed' | 'failed' | 'cancelled']> = {
  'returns an object': [
    async (_request, _reply, late) => {
      await late
      return { late: true }
    },
    'completed',
  ],
  'returns nothing': [
    async (_request, _reply, late) => {
      await late
    },
    'completed',
  ],
  rejects: [
    async (_request, _reply, late) => {
      await late
      throw new Error('late')
    },
    'failed',
  ],
  'rejects with the reason of the signal': [
    async (request, _reply, late) => {
      await late
      request.signal.throwIfAborted()
    },
    'cancelled',
  ],
  'sends from a callback': [
    (_request, reply, late) =>
      void late.then(() => reply.code(201).header('x-late', '1').type('text/late').send('late')),
    'completed',
  ],
  'sends an error from a callback': [
    (_request, reply, late) => void late.then(() => reply.send(new Error('late'))),
    'failed',
  ],
  'sends, and returns the reply': [
    async (_request, reply, late) => {
      await late
      return reply.send('late')
    },
    'completed',
  ],
  'sends twice': [
    async (_request, reply, late) => {
      await late
      reply.send('late')
      return reply.send('later still')
    },
    'completed',
  ],
  'returns a stream': [
    async (_request, _reply, late) => {
      await late
      return Readable.from(['late'])
    },
    'completed',
  ],
  'returns a stream that breaks': [
    async (_request, _reply, late) => {
      await late
      const broken = new Readable({ read() {} })
      setImmediate(() => broken.destroy(new Error('broken')))
      return broken
    },
    'completed',
  ],
  'returns a response': [
    async (_request, _reply, late) => {
      await late
      return new Response('late', { headers: { 'x-late': '1' } })
    },
    'completed',
  ],
  'writes into the raw response, hijacked': [
    (_request, reply, late) => {
      reply.hijack()
      void late.then(() => {
        reply.raw.setHeader('x-late', '1')
        reply.raw.writeHead(201)
        reply.raw.write('late')
        reply.raw.end('late')
      })
    },
    'completed',
  ],
  'writes into the raw response, and returns': [
    async (_request, reply, late) => {
      await late
      reply.raw.writeHead(201, { 'x-late': '1' })
      reply.raw.end('late')
    },
    'completed',
  ],
  'redirects, sets cookies and trailers, sends hints': [
    async (_request, reply, late) => {
      await late
      reply.writeEarlyHints({ link: '</late>' })
      reply.header('set-cookie', 'late=1').trailer('x-late', async () => 'late')
      return reply.redirect('/late')
    },
    'completed',
  ],
  'is not found after all': [
    async (_request, reply, late) => {
      await late
      return reply.callNotFound()
    },
    'completed',
  ],
}

describe.each(['http', 'h2c'] as const)('at the deadline, over %s,', (protocol) => {
  test.each(Object.entries(lateDoings))(
    'a handler that %s has been answered for, once',
    async (_name, [doing, kind]) => {
      const output = watchOutput()
      const late = deferred<void>()
      const told: string[] = []
      const entered = deferred<void>()
      const {
        app,
        port,
        clock,
        outcomes,
        late: settled,
        log,
      } = await guarded(
        (app) => {
          app.addHook('onSend', async () => void told.push('onSend'))
          app.addHook('onError', async () => void told.push('onError'))
          app.addHook(
            'onResponse',
            async (_request, reply) => void told.push(`onResponse ${reply.statusCode}`),
          )
          app.setErrorHandler((_error, _request, reply) => {
            told.push('error handler')
            return reply.code(500).send('handled')
          })
          app.get('/', (request, reply) => {
            reply.header('x-inner', '1')
            reply.raw.setHeader('x-raw-inner', '1')
            reply.code(201)
            const result = doing(request, reply, late.promise)
            entered.resolve()
            return result
          })
          app.get('/next', async () => 'next')
        },
        {
          protocol,
          before(app) {
            app.addHook('onRequest', async (_request, reply) => void reply.header('x-outer', 'of Fastify'))
            app.addHook(
              'onRequest',
              async (_request, reply) => void reply.header('set-cookie', ['a=1', 'b=2']),
            )
            app.addHook(
              'onRequest',
              async (_request, reply) => void reply.raw.setHeader('x-raw-outer', 'raw'),
            )
          },
        },
      )
      const connection =
        protocol === 'h2c' ? { session: session(protocol, port) } : { agent: keptAlive(protocol) }

      const answer = fetched(protocol, port, connection)
      await entered.promise
      await clock.advance(1_000)
      const { status, headers, body, broken } = await soon(answer)
      expect({ status, body: JSON.parse(body), broken }).toEqual({
        status: 503,
        body: problem,
        broken: undefined,
      })
      expect(headers).toMatchObject({
        'content-type': 'application/problem+json',
        'x-outer': 'of Fastify',
        'x-raw-outer': 'raw',
        'set-cookie': ['a=1', 'b=2'],
      })
      expect(headers).not.toHaveProperty('x-inner')
      expect(headers).not.toHaveProperty('x-raw-inner')
      expect(told).toEqual(['onResponse 503'])

      late.resolve()
      expect(await soon(settled.first())).toMatchObject({ kind })
      expect(await soon(outcomes.first())).toMatchObject({
        kind: 'timed-out',
        phase: 'handling',
        status: 503,
      })
      // Whatever it still does comes about.
      await clock.advance(0)
      expect(told).toEqual(['onResponse 503'])
      expect(await soon(fetched(protocol, port, { ...connection, path: '/next' }))).toMatchObject({
        status: 200,
        body: 'next',
      })
      expect(log).toEqual([
        '30 incoming request',
        '30 request completed 503',
        '30 incoming request',
        '30 request completed 200',
      ])
      expect(app.curfew.stats).toMatchObject({
        active: 0,
        abandoned: 0,
        outcomes: { 'timed-out': 1, completed: 1 },
      })
      expect(output).toEqual([])
    },
  )

  test.each(['onRequest', 'preParsing', 'preValidation', 'preHandler'] as const)(
    'a request that waits in %s does not reach its handler',
    async (hook) => {
      const late = deferred<void>()
      const entered = deferred<void>()
      const told: string[] = []
      const {
        app,
        port,
        clock,
        late: settled,
      } = await guarded(
        (app) => {
          app.post(
            '/',
            {
              [hook]: async () => {
                entered.resolve()
                await late.promise
              },
            },
            async () => void told.push('handler'),
          )
        },
        { protocol },
      )
      const { answer } = call(protocol, port, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{}',
      })
      await entered.promise
      await clock.advance(1_000)
      expect(await soon(answer)).toMatchObject({ status: 503 })
      late.resolve()
      await clock.advance(0)
      expect(told).toEqual([])
      expect(await soon(settled.first())).toMatchObject({ kind: 'cancelled' })
      expect(app.curfew.stats).toMatchObject({ active: 0, abandoned: 0 })
    },
  )

  test('a hook that fails too late is not for the error handler', async () => {
    const late = deferred<void>()
    const entered = deferred<void>()
    const told: string[] = []
    const { port, clock, log } = await guarded(
      (app) => {
        app.setErrorHandler(() => void told.push('error handler'))
        app.addHook('onSend', async () => {
          entered.resolve()
          await late.promise
          throw new Error('of onSend')
        })
        app.get('/', async () => 'in time, but for its hook')
      },
      { protocol },
    )
    const answer = fetched(protocol, port)
    await entered.promise
    await clock.advance(1_000)
    expect(await soon(answer)).toMatchObject({ status: 503 })
    late.resolve()
    await clock.advance(0)
    expect(told).toEqual([])
    expect(log).toEqual(['30 incoming request', '30 request completed 503'])
  })

  test('the body of a POST has been read, and the signal aborts no sooner', async () => {
    const entered = deferred<FastifyRequest>()
    const { port, clock, outcomes } = await guarded(
      (app) => {
        app.post('/', async (request) => {
          entered.resolve(request)
          return aborted(request.signal)
        })
      },
      { protocol },
    )
    const headers = { 'content-type': 'application/json' }
    const { answer } = call(protocol, port, { method: 'POST', headers, body: '{"a":1}' })
    const { promise } = entered
    const { body, signal } = await promise
    expect(body).toEqual({ a: 1 })
    await clock.advance(999)
    expect(signal.aborted).toBe(false)
    await clock.advance(1)
    expect(signal.reason).toMatchObject({ name: 'TimeoutError', code: 'HANDLER_TIMEOUT', timeoutMs: 1_000 })
    expect(await soon(answer)).toMatchObject({ status: 503 })
    expect(await soon(outcomes.first())).toMatchObject({ kind: 'timed-out' })
  })

  test('a body that does not come is waited for no longer', async () => {
    const { app, port, clock, late } = await guarded(
      (app) => {
        app.addContentTypeParser('text/x-slow', { parseAs: 'string' }, (_request, body, done) =>
          done(null, body),
        )
        app.post('/', async (request) => request.body)
        app.get('/', async () => 'next')
      },
      { protocol },
    )
    const upload = call(protocol, port, { method: 'POST', headers: { 'content-type': 'text/x-slow' } })
    upload.write('half')
    await clock.advance(0)
    await expect.poll(() => app.curfew.stats.active).toBe(1)
    await clock.advance(1_000)
    expect(await soon(upload.answer)).toMatchObject({ status: 408 })
    expect(await soon(late.first())).toMatchObject({ kind: 'cancelled' })
    expect(app.curfew.stats).toMatchObject({ active: 0, abandoned: 0 })
    expect(await soon(fetched(protocol, port))).toMatchObject({ status: 200, body: 'next' })
  })

  test('a stream that is not done is stopped, and nothing of it is sent', async () => {
    const begun = deferred<Readable>()
    const { app, port, clock, log, late } = await guarded(
      (app) => {
        app.get('/', (_request, reply) => {
          const endless = new Readable({ read() {} })
          endless.push('a part')
          endless.once('data', () => begun.resolve(endless))
          reply.header('x-inner', '1').send(endless)
        })
      },
      { protocol },
    )
    const answer = fetched(protocol, port)
    const { promise } = begun
    const endless = await promise
    const closed = once(endless, 'close')
    await clock.advance(1_000)
    const { status, headers, body } = await soon(answer)
    expect({ status, body: JSON.parse(body) }).toEqual({ status: 503, body: problem })
    expect(headers).not.toHaveProperty('x-inner')
    await soon(closed)
    expect(await soon(late.first())).toMatchObject({ kind: 'cancelled' })
    expect(log.filter((line) => !line.startsWith('30'))).toEqual([])
    expect(app.curfew.stats).toMatchObject({ active: 0, abandoned: 0 })
  })

  test('a HEAD gets the head alone', async () => {
    const entered = deferred<void>()
    const { port, clock } = await guarded(
      (app) => {
        app.get('/', () => {
          entered.resolve()
          return new Promise(() => {})
        })
      },
      { protocol },
    )
    const { answer } = call(protocol, port, { method: 'HEAD' })
    await entered.promise
    await clock.advance(1_000)
    expect(await soon(answer)).toMatchObject({ status: 503, body: '' })
  })

  test('what is not found is answered in time, too', async () => {
    const entered = deferred<void>()
    const { app, port, clock } = await guarded(
      (app) => {
        app.setNotFoundHandler(() => {
          entered.resolve()
          return new Promise(() => {})
        })
      },
      { protocol },
    )
    const answer = fetched(protocol, port, { path: '/none' })
    await entered.promise
    await clock.advance(1_000)
    expect(await soon(answer)).toMatchObject({ status: 503 })
    expect(app.curfew.stats.active).toBe(0)
  })
})

test('the second of two pipelined requests is answered after the first has timed out', async () => {
  const entered = deferred<void>()
  const { port, clock } = await guarded((app) => {
    app.get('/slow', () => {
      entered.resolve()
      return new Promise(() => {})
    })
    app.get('/next', async () => 'next')
  })
  const client = await rawClient({ host: '127.0.0.1', port })
  onTestFinished(client.destroy)
  await client.send(Buffer.concat([requestOf({ path: '/slow' }), requestOf({ path: '/next' })]))
  await entered.promise
  await clock.advance(1_000)
  expect((await client.response()).status).toBe(503)
  expect((await client.response()).body.toString()).toBe('next')
})

test('a handler without a promise that never ends is forgotten once nobody can reach it', async () => {
  const { setFlagsFromString } = await import('node:v8')
  const { runInNewContext } = await import('node:vm')
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const entered = deferred<void>()
  const { app, port, clock } = await guarded((app: FastifyInstance) => {
    app.get('/', () => {
      entered.resolve()
    })
  })
  const answer = fetched('http', port)
  await entered.promise
  await clock.advance(1_000)
  expect(await soon(answer)).toMatchObject({ status: 503 })
  expect(app.curfew.stats.abandoned).toBe(1)
  await expect
    .poll(() => {
      collect()
      return app.curfew.stats
    })
    .toMatchObject({ abandoned: 0, late: { cancelled: 1 } })
})
