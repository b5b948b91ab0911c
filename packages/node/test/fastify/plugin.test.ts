import { once } from 'node:events'
import { createServer, request as httpRequest, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { PassThrough, Readable } from 'node:stream'
import { InvalidOptionError, NotGuardedError, type Recording } from '@curfew/core'
import cors from '@fastify/cors'
import Fastify, { type FastifyContextConfig, type FastifyInstance, type FastifyRequest } from 'fastify'
import { describe, expect, onTestFinished, test } from 'vitest'
import alsoCurfew, { curfew, type RouteConfig, scopeOf } from '../../src/fastify.ts'
import { guardListener } from '../../src/guard-listener.ts'
import {
  aborted,
  call,
  deferred,
  fetched,
  keptAlive,
  never,
  rejection,
  session,
  soon,
  watchOutput,
} from '../support.ts'
import { guarded } from './support.ts'

/** A handler that never answers, and who is told that it runs. */
function stuck() {
  const entered = deferred<FastifyRequest>()
  const handler = (request: FastifyRequest) => {
    entered.resolve(request)
    return never()
  }
  return { entered: entered.promise, handler }
}

describe('config.curfew of a route', () => {
  test.each([
    ['lengthens the deadline', 3_000, 3_000],
    ['shortens it', 200, 200],
    ['is several options', { timeoutMs: 400, timeoutStatus: 504, timeoutResponse: 'too late' }, 400],
  ] as const)('%s', async (_name, config, ms) => {
    const { entered, handler } = stuck()
    const { app, port, clock } = await guarded((app) => {
      app.get('/', { config: { curfew: config } }, handler)
    })
    const answer = fetched('http', port)
    await entered
    await clock.advance(ms - 1)
    expect(app.curfew.stats.active).toBe(1)
    await clock.advance(1)
    const expected = typeof config === 'object' ? { status: 504, body: 'too late' } : { status: 503 }
    expect(await soon(answer)).toMatchObject(expected)
  })

  test('says how much of a response is kept back, and what becomes of more', async () => {
    const { port, outcomes } = await guarded((app) => {
      const send = async () => 'twelve bytes'
      app.get('/kept', send)
      app.get(
        '/fails',
        { config: { curfew: { maxBytes: 11, overflow: 'fail' } } },
        async (_request, reply) => {
          reply.hijack()
          reply.raw.write('twelve bytes')
        },
      )
      app.get('/streams', { config: { curfew: { maxBytes: 11 } } }, async (_request, reply) => {
        reply.hijack()
        reply.raw.write('twelve bytes', () => reply.raw.end())
      })
    })
    expect(await fetched('http', port, { path: '/kept' })).toMatchObject({
      status: 200,
      body: 'twelve bytes',
    })
    expect(await soon(fetched('http', port, { path: '/fails' }))).toMatchObject({ status: 500 })
    expect(await soon(fetched('http', port, { path: '/streams' }))).toMatchObject({
      status: 200,
      body: 'twelve bytes',
    })
    expect(await outcomes.reached(3)).toMatchObject([
      { kind: 'completed' },
      { kind: 'failed', error: { code: 'RESPONSE_TOO_LARGE', maxBytes: 11 } },
      { kind: 'completed', streamed: 'overflowed' },
    ])
  })

  test('may be no deadline, and the request is guarded still', async () => {
    const release = deferred<string>()
    const entered = deferred<FastifyRequest>()
    const { app, port, clock } = await guarded((app) => {
      app.get('/', { config: { curfew: Number.POSITIVE_INFINITY } }, (request) => {
        entered.resolve(request)
        return release.promise
      })
    })
    const answer = fetched('http', port)
    await entered.promise
    await clock.advance(1_000_000)
    release.resolve('at last')
    expect(await soon(answer)).toMatchObject({ status: 200, body: 'at last' })
    expect(app.curfew.stats.outcomes.completed).toBe(1)
  })

  test('may be false: then nothing guards the route', async () => {
    const release = deferred<string>()
    const entered = deferred<FastifyRequest>()
    const { app, port, clock } = await guarded((app) => {
      app.get('/', { config: { curfew: false } }, (request) => {
        entered.resolve(request)
        return release.promise
      })
    })
    const answer = fetched('http', port)
    const { promise } = entered
    const request = await promise
    expect(request.curfew).toBeNull()
    expect(() => scopeOf(request)).toThrow(NotGuardedError)
    expect(request.signal).toBeInstanceOf(AbortSignal)
    await clock.advance(1_000_000)
    release.resolve('at last')
    expect(await soon(answer)).toMatchObject({ status: 200, body: 'at last' })
    expect(app.curfew.stats).toMatchObject({ active: 0, outcomes: { completed: 0 } })
  })

  test.each([
    [-1, 'timeoutMs', '-1'],
    [0, 'timeoutMs', '0'],
    [Number.NaN, 'timeoutMs', 'NaN'],
    ['5s', 'config.curfew', '"5s"'],
    [true, 'config.curfew', 'true'],
    [null, 'config.curfew', 'null'],
    [{ timeoutMs: 'soon' }, 'timeoutMs', '"soon"'],
    [{ timeout: 5 }, 'timeout', '5'],
    [{ maxConcurrent: 5 }, 'maxConcurrent', '5'],
    [{ buffer: true }, 'buffer', 'true'],
  ])('%j is refused where the route is declared', async (config, option, value) => {
    const app = Fastify()
    await app.register(curfew)
    const declare = () => app.get('/', { config: { curfew: config as RouteConfig } }, async () => 'never')
    expect(declare).toThrow(InvalidOptionError)
    expect(declare).toThrow(`Invalid option ${option}:`)
    expect(declare).toThrow(`got ${value}`)
  })

  test('is typed', async () => {
    const app = Fastify()
    await app.register(curfew)
    app.get('/', { config: { curfew: { timeoutMs: 5 } } }, async (request) =>
      request.curfew?.deadline.remainingMs(),
    )
    // Fastify takes whatever is in the literal of a route for a type of its own, so it is checked there, too.
    // @ts-expect-error: no time
    const text: FastifyContextConfig = { curfew: '5s' }
    expect(() => app.get('/text', { config: text }, async () => 'never')).toThrow(InvalidOptionError)
    // @ts-expect-error: not for one route
    const who: FastifyContextConfig = { curfew: { maxConcurrent: 1 } }
    expect(() => app.get('/who', { config: who }, async () => 'never')).toThrow(InvalidOptionError)
  })

  test('holds for a route that was declared before the plugin had loaded, and for the HEAD of a GET', async () => {
    const app = Fastify({ exposeHeadRoutes: true })
    onTestFinished(() => app.close())
    void app.register(curfew, { timeoutMs: 60_000 })
    app.get('/', { config: { curfew: 1 } }, never)
    app.get('/bad', { config: { curfew: -1 } }, never)
    await app.listen({ port: 0, host: '127.0.0.1' })
    const { port } = app.server.address() as { port: number }
    expect(await soon(fetched('http', port))).toMatchObject({ status: 503 })
    expect(await soon(fetched('http', port, { method: 'HEAD' }))).toMatchObject({ status: 503, body: '' })
    expect(await soon(fetched('http', port, { path: '/bad' }))).toMatchObject({ status: 500 })
    // When their handlers are done is not known, so they are not waited for.
    expect(app.curfew.stats).toMatchObject({ active: 0, abandoned: 0, outcomes: { 'timed-out': 2 } })
  })
})

describe('the plugin', () => {
  test('refuses what is no option', async () => {
    const register = async (options: object): Promise<unknown> => {
      const app = Fastify()
      app.register(curfew, options)
      return rejection(Promise.resolve(app.ready()))
    }
    expect(await register({ timeoutMs: '5s' })).toMatchObject({ code: 'INVALID_OPTION', option: 'timeoutMs' })
    expect(await register({ timeout: 5 })).toMatchObject({ code: 'INVALID_OPTION', option: 'timeout' })
    const make = curfew as unknown as (options: object) => Promise<void>
    await expect(make({ timeoutMs: 5 })).rejects.toThrow('not app.register(curfew(options))')
  })

  test('is the default export, has a name, and cannot be registered twice side by side', async () => {
    expect(alsoCurfew).toBe(curfew)
    const app = Fastify()
    await app.register(curfew)
    expect(app.hasPlugin('@curfew/node')).toBe(true)
    expect(await rejection(Promise.resolve(app.register(curfew)))).toMatchObject({
      code: 'FST_ERR_DEC_ALREADY_PRESENT',
    })
  })

  test('gives a request its scope, and the signal of the scope', async () => {
    const seen = deferred<unknown>()
    const { port } = await guarded((app) => {
      app.get('/', async (request) => {
        const scope = scopeOf(request)
        seen.resolve({
          scope: request.curfew === scope,
          signal: request.signal === scope.signal,
          remainingMs: scope.deadline.remainingMs(),
          url: scope.request.url,
        })
        return 'ok'
      })
    })
    await fetched('http', port, { path: '/?a=b' })
    expect(await seen.promise).toEqual({
      scope: true,
      signal: true,
      remainingMs: 1_000,
      url: `http://127.0.0.1:${port}/?a=b`,
    })
  })

  test('moves the deadline while the handler runs', async () => {
    const entered = deferred<FastifyRequest>()
    const { app, port, clock } = await guarded((app) => {
      app.get('/', (request) => {
        scopeOf(request).deadline.extend(1_000)
        entered.resolve(request)
        return never()
      })
    })
    const answer = fetched('http', port)
    await entered.promise
    await clock.advance(1_999)
    expect(app.curfew.stats.active).toBe(1)
    await clock.advance(1)
    expect(await soon(answer)).toMatchObject({ status: 503 })
  })

  test('registered again further in adjusts the guard further out; a route has the last word', async () => {
    const [inner, route] = [stuck(), stuck()]
    const numbers: { readonly stats: object }[] = []
    const { app, port, clock, outcomes } = await guarded((app) => {
      app.get('/outer', async (request) => scopeOf(request).deadline.timeoutMs)
      app.register(async (child) => {
        await child.register(curfew, { timeoutMs: 200, timeoutStatus: 504 })
        numbers.push(child.curfew)
        child.get('/inner', inner.handler)
        child.get('/route', { config: { curfew: 300 } }, route.handler)
        child.get('/free', { config: { curfew: false } }, async (request) => request.curfew === null)
      })
    })
    const first = fetched('http', port, { path: '/inner' })
    await inner.entered
    await clock.advance(200)
    expect(await soon(first)).toMatchObject({ status: 504 })

    const second = fetched('http', port, { path: '/route' })
    await route.entered
    await clock.advance(299)
    expect(app.curfew.stats.active).toBe(1)
    await clock.advance(1)
    expect(await soon(second)).toMatchObject({ status: 504 })

    expect(await soon(fetched('http', port, { path: '/outer' }))).toMatchObject({ body: '1000' })
    expect(await soon(fetched('http', port, { path: '/free' }))).toMatchObject({ body: 'true' })
    await outcomes.reached(3)
    expect(app.curfew.stats).toMatchObject({ active: 0, outcomes: { completed: 1, 'timed-out': 2 } })
    expect(numbers[0]!.stats).toMatchObject({ active: 0, outcomes: { completed: 0, 'timed-out': 2 } })
  })

  test('joins a guard around the whole server', async () => {
    const { entered, handler } = stuck()
    const outer = guardListener(() => {}, {})
    const { app, port, clock } = await guarded(
      (app) => {
        app.get('/', { config: { curfew: 200 } }, handler)
      },
      {
        fastify: {
          serverFactory: (listener) => {
            const guardedListener = guardListener(listener as never, { timeoutMs: 60_000 })
            Object.assign(outer, { stats: guardedListener.stats })
            return createServer(guardedListener as never)
          },
        },
      },
    )
    const answer = fetched('http', port)
    const request = await entered
    // The time is that of the guard further out.
    expect(scopeOf(request).deadline.timeoutMs).toBe(200)
    expect(await soon(answer)).toMatchObject({ status: 503 })
    await clock.advance(0)
    expect(outer.stats).toMatchObject({ active: 0, outcomes: { 'timed-out': 1 } })
    expect(app.curfew.stats).toMatchObject({ active: 0, outcomes: { 'timed-out': 1 } })
  })

  test('refuses what is too much, and no hook or handler after it runs', async () => {
    const { entered, handler } = stuck()
    const told: string[] = []
    const { app, port, clock, log } = await guarded(
      (app) => {
        app.addHook('onRequest', async (request) => void told.push(request.url))
        app.addHook('onResponse', async (_request, reply) => void told.push(`onResponse ${reply.statusCode}`))
        app.get('/', handler)
      },
      {
        curfew: { maxConcurrent: 1, retryAfterSeconds: 3 },
        before: (app) => app.register(cors, { origin: 'https://a.test' }),
      },
    )
    const first = fetched('http', port)
    await entered
    const { status, headers, body } = await soon(fetched('http', port, { path: '/?second' }))
    expect({ status, code: JSON.parse(body).code }).toEqual({ status: 503, code: 'OVERLOADED' })
    expect(headers).toMatchObject({ 'retry-after': '3', 'access-control-allow-origin': 'https://a.test' })
    await expect.poll(() => told).toEqual(['/', 'onResponse 503'])
    await clock.advance(1_000)
    expect(await soon(first)).toMatchObject({ status: 503 })
    expect(app.curfew.stats).toMatchObject({ active: 0, outcomes: { rejected: 1, 'timed-out': 1 } })
    expect(log.at(-1)).toBe('30 request completed 503')
  })

  test('lets no timeout reply go without the headers of @fastify/cors', async () => {
    const { entered, handler } = stuck()
    const { port, clock } = await guarded((app) => app.get('/', handler), {
      before: (app) => app.register(cors, { origin: true, credentials: true }),
    })
    const answer = fetched('http', port, { headers: { origin: 'https://a.test' } })
    await entered
    await clock.advance(1_000)
    expect(await soon(answer)).toMatchObject({
      status: 503,
      headers: {
        'access-control-allow-origin': 'https://a.test',
        'access-control-allow-credentials': 'true',
        vary: 'Origin',
      },
    })
  })

  test('answers who is still there when the server stops, and refuses who comes then', async () => {
    const { entered, handler } = stuck()
    const shutdown = new AbortController()
    const { port } = await guarded((app) => app.get('/', handler), { curfew: { shutdown: shutdown.signal } })
    const answer = fetched('http', port)
    const request = await entered
    shutdown.abort()
    expect(await soon(answer)).toMatchObject({ status: 503 })
    expect(request.signal.reason).toMatchObject({ code: 'SHUTDOWN' })
    expect(await soon(fetched('http', port))).toMatchObject({ status: 503 })
  })

  test('leaves app.close() to wait for requests, and to refuse new ones, as ever', async () => {
    const release = deferred<string>()
    const { app, port } = await guarded(
      (app) => {
        app.get('/', () => release.promise)
      },
      { fastify: { forceCloseConnections: false } },
    )
    const answer = fetched('http', port)
    await expect.poll(() => app.curfew.stats.active).toBe(1)
    const closed = app.close()
    release.resolve('in time')
    expect(await soon(answer)).toMatchObject({ status: 200, body: 'in time' })
    await soon(Promise.resolve(closed))
    expect(app.curfew.stats.active).toBe(0)
  })

  test('does not guard an upgrade that somebody serves', async () => {
    const { app, port } = await guarded((app) => {
      app.get('/', (request, reply) => {
        reply.hijack()
        const { socket } = request.raw
        socket.end(
          `HTTP/1.1 101 Switching Protocols\r\nupgrade: own\r\nconnection: upgrade\r\n\r\n${request.curfew}`,
        )
      })
      app.server.on('upgrade', (request, socket) => {
        const response = new ServerResponse(request)
        response.assignSocket(socket as never)
        app.routing(request, response)
      })
    })
    const request = httpRequest({ port, headers: { connection: 'upgrade', upgrade: 'own' } })
    request.end()
    const [response, socket, head] = (await once(request, 'upgrade')) as [
      { statusCode: number },
      Duplex,
      Buffer,
    ]
    let text = head.toString()
    for await (const chunk of socket) text += chunk
    expect([response.statusCode, text]).toEqual([101, 'null'])
    expect(app.curfew.stats).toMatchObject({ active: 0, outcomes: { completed: 0 } })
  })

  test('tells reports the pattern of the route', async () => {
    const routes = deferred<string | undefined>()
    const recording: Recording = {
      decided() {},
      ended: ({ route }) => routes.resolve(route),
      settled() {},
    }
    const { port } = await guarded(
      (app) => {
        app.register(async (child) => void child.get('/users/:id', async () => 'user'), { prefix: '/api' })
      },
      { curfew: { reporter: { start: () => recording, flush: async () => true } as never } },
    )
    await fetched('http', port, { path: '/api/users/1' })
    expect(await soon(routes.promise)).toBe('/api/users/:id')
  })
})

describe('errors', () => {
  test('are Fastify’s to answer, and recorded as failed from 500 on', async () => {
    const { port, outcomes } = await guarded((app) => {
      app.get('/500', async () => {
        throw new Error('mine')
      })
      app.get('/409', async () => {
        throw Object.assign(new Error('conflict'), { statusCode: 409 })
      })
      app.get(
        '/hook',
        { preHandler: (_request, _reply, done) => done(new Error('of a hook')) },
        async () => 'never',
      )
      app.get('/sent', (_request, reply) => reply.code(502).send('no error at all'))
    })
    for (const path of ['/500', '/409', '/hook', '/sent', '/none']) await fetched('http', port, { path })
    expect(await outcomes.reached(5)).toMatchObject([
      { kind: 'failed', status: 500, error: { message: 'mine' } },
      { kind: 'completed', status: 409 },
      { kind: 'failed', status: 500, error: { message: 'of a hook' } },
      { kind: 'completed', status: 502 },
      { kind: 'completed', status: 404 },
    ])
  })

  test('of an error handler that throws are recorded by what it was called for', async () => {
    const { port, outcomes } = await guarded((app) => {
      app.setErrorHandler(() => {
        throw new Error('of the handler')
      })
      app.get('/', async () => {
        throw new Error('first')
      })
    })
    expect(await fetched('http', port)).toMatchObject({ status: 500 })
    expect(await outcomes.first()).toMatchObject({ kind: 'failed', error: { message: 'first' } })
  })
})

describe.each(['http', 'h2c'] as const)('a payload that breaks half-way, over %s,', (protocol) => {
  function ofNode(): Readable {
    return Readable.from(
      (async function* () {
        yield 'half'
        await new Promise(setImmediate)
        throw new Error('half-way')
      })(),
    )
  }

  function ofTheWeb(): ReadableStream {
    let pulls = 0
    return new ReadableStream({
      async pull(controller) {
        await new Promise(setImmediate)
        if (pulls++ > 0) throw new Error('half-way')
        controller.enqueue(Buffer.from('half'))
      },
    })
  }

  test.each([
    ['of Node', ofNode],
    ['of the web', ofTheWeb],
    ['of a Response', () => new Response(ofTheWeb())],
  ])('%s, is answered whole as long as nothing has been sent', async (_name, payload) => {
    const output = watchOutput()
    const { app, port, outcomes, log } = await guarded(
      (app) => {
        app.get('/', async (_request, reply) => {
          reply.header('x-inner', '1')
          return payload()
        })
        app.get('/next', async () => 'next')
      },
      { protocol },
    )
    const connection =
      protocol === 'h2c' ? { session: session(protocol, port) } : { agent: keptAlive(protocol) }
    const { status, headers, body, broken } = await fetched(protocol, port, connection)
    expect({ status, broken, code: JSON.parse(body).code }).toEqual({
      status: 500,
      broken: undefined,
      code: 'HANDLER_FAILED',
    })
    expect(headers).not.toHaveProperty('x-inner')
    expect(await soon(outcomes.first())).toMatchObject({
      kind: 'failed',
      status: 500,
      error: { message: 'half-way' },
    })
    expect(await fetched(protocol, port, { ...connection, path: '/next' })).toMatchObject({ body: 'next' })
    expect(log.filter((line) => !line.startsWith('30'))).toEqual([
      '40 response terminated with an error with headers already sent half-way',
    ])
    expect(app.curfew.stats).toMatchObject({ active: 0, abandoned: 0 })
    expect(output).toEqual([])
  })

  test('is a reset after that', async () => {
    const begun = deferred<void>()
    const stream = new PassThrough()
    const { port, outcomes } = await guarded(
      (app) => {
        app.get('/', async (_request, reply) => {
          begun.resolve()
          return reply.send(stream)
        })
      },
      { protocol, curfew: { maxBytes: 1 } },
    )
    const half = call(protocol, port)
    await begun.promise
    stream.write('half')
    await soon(half.begun)
    stream.destroy(new Error('half-way'))
    const { status, body, broken } = await soon(half.answer)
    expect({ status, body, broken: typeof broken }).toEqual({ status: 200, body: 'half', broken: 'string' })
    expect(await soon(outcomes.first())).toMatchObject({
      kind: 'failed',
      phase: 'streaming',
      error: { message: 'half-way' },
    })
  })
})

describe.each(['http', 'h2c'] as const)('a client that leaves, over %s,', (protocol) => {
  // Over HTTP/2 Node says of every response that it has finished.
  const logged = ['30 incoming request', ...(protocol === 'h2c' ? ['30 request completed 200'] : [])]

  test('aborts the signal, and is recorded as that', async () => {
    const { entered, handler } = stuck()
    const { app, port, outcomes, log } = await guarded((app) => app.get('/', handler), { protocol })
    const { leave } = call(protocol, port)
    const request = await entered
    const reason = aborted(request.signal)
    leave()
    expect(await soon(reason)).toMatchObject({ name: 'AbortError', code: 'CLIENT_CLOSED' })
    expect(await soon(outcomes.first())).toMatchObject({
      kind: 'client-closed',
      phase: 'handling',
      status: 499,
    })
    expect(app.curfew.stats).toMatchObject({ active: 0, abandoned: 1 })
    expect(log).toEqual(logged)
  })

  test('leaves a handler to fail by itself, quietly', async () => {
    const told: string[] = []
    const entered = deferred<void>()
    const { app, port, late, log } = await guarded(
      (app) => {
        app.setErrorHandler(() => void told.push('error handler'))
        app.get('/', async (request) => {
          entered.resolve()
          await aborted(request.signal)
          request.signal.throwIfAborted()
        })
      },
      { protocol },
    )
    const { leave } = call(protocol, port)
    await entered.promise
    leave()
    expect(await soon(late.first())).toMatchObject({ kind: 'cancelled' })
    expect(told).toEqual([])
    expect(log).toEqual(logged)
    expect(app.curfew.stats).toMatchObject({ active: 0, abandoned: 0 })
  })

  test('in the middle of its upload is nobody’s error', async () => {
    const told: string[] = []
    const { app, port, outcomes } = await guarded(
      (app) => {
        app.setErrorHandler(() => void told.push('error handler'))
        app.post('/', async () => 'never')
      },
      { protocol },
    )
    const options = { method: 'POST', headers: { 'content-type': 'application/json' } }
    const own = protocol === 'h2c' ? session(protocol, port) : undefined
    const upload = call(protocol, port, own ? { ...options, session: own } : options)
    upload.write('{"a":')
    await expect.poll(() => app.curfew.stats.active).toBe(1)
    // Node's client ends an upload before it resets its stream.
    if (own) own.destroy()
    else upload.leave()
    expect(await soon(outcomes.first())).toMatchObject({ kind: 'client-closed', status: 499 })
    expect(told).toEqual([])
    await expect.poll(() => app.curfew.stats).toMatchObject({ active: 0, abandoned: 0 })
  })

  test('stops a stream that it was reading', async () => {
    const closed = deferred<void>()
    const { port, outcomes } = await guarded(
      (app) => {
        app.get('/', (_request, reply) => {
          const endless = new Readable({
            read: () => setImmediate(() => endless.push('x'.repeat(65_536))),
          } as object)
          endless._read = () => setImmediate(() => endless.push('x'.repeat(65_536)))
          endless.on('close', closed.resolve)
          return reply.send(endless)
        })
      },
      { protocol },
    )
    const { begun, leave } = call(protocol, port)
    await soon(begun)
    leave()
    await soon(closed.promise)
    expect(await soon(outcomes.first())).toMatchObject({ kind: 'client-closed', phase: 'writing' })
  })
})

describe('app.inject()', () => {
  async function injected(setUp: (app: FastifyInstance) => unknown) {
    const { app, ...rest } = await guarded(setUp)
    return { app, ...rest }
  }

  test('gives what it gives without the guard', async () => {
    const set = (app: FastifyInstance): void => {
      app.get('/', async () => ({ a: 1 }))
      app.get('/stream', (_request, reply) => reply.type('text/plain').send(Readable.from(['a', 'b'])))
      app.get('/trailer', (_request, reply) => {
        reply.trailer('x-end', async () => 'end').send('x')
      })
      app.post('/', async (request) => request.body)
      app.get('/error', async () => {
        throw new Error('injected')
      })
    }
    const bare = Fastify()
    set(bare)
    const { app, outcomes } = await injected(set)
    const requests = [
      { url: '/' },
      { url: '/stream' },
      { url: '/trailer' },
      { url: '/', method: 'POST', payload: { b: 2 } },
      { url: '/error' },
      { url: '/none' },
      { url: '/', method: 'HEAD' },
    ] as const
    for (const request of requests) {
      const [own, other] = [await app.inject(request), await bare.inject(request)]
      const shown = ({ statusCode, statusMessage, headers, body, trailers }: typeof own) => ({
        statusCode,
        statusMessage,
        headers: { ...headers, date: '' },
        body,
        trailers,
      })
      expect(shown(own)).toEqual(shown(other))
    }
    await outcomes.reached(7)
    expect(app.curfew.stats).toMatchObject({
      active: 0,
      outcomes: { completed: 6, failed: 1, 'client-closed': 0 },
    })
  })

  test('is answered at the deadline', async () => {
    const entered = deferred<void>()
    const { app, clock, outcomes } = await injected((app) => {
      app.addHook('onSend', async () => {
        throw new Error('never')
      })
      app.get('/', async (_request, reply) => {
        reply.header('x-inner', '1')
        reply.raw.write('a part')
        entered.resolve()
        return never()
      })
    })
    const answer = app.inject('/')
    await entered.promise
    await clock.advance(1_000)
    const { statusCode, headers, body } = await soon(Promise.resolve(answer))
    expect({ statusCode, code: JSON.parse(body).code }).toEqual({ statusCode: 503, code: 'HANDLER_TIMEOUT' })
    expect(headers).toMatchObject({ 'content-type': 'application/problem+json' })
    expect(headers).not.toHaveProperty('x-inner')
    expect(await soon(outcomes.first())).toMatchObject({ kind: 'timed-out' })
  })

  test('that is broken off is a client that leaves', async () => {
    const { entered, handler } = stuck()
    const { app, outcomes } = await injected((app) => app.get('/', handler))
    const signal = new AbortController()
    const answer = rejection(Promise.resolve(app.inject({ url: '/', signal: signal.signal })))
    const request = await entered
    const reason = aborted(request.signal)
    signal.abort()
    await answer
    expect(await soon(reason)).toMatchObject({ code: 'CLIENT_CLOSED' })
    expect(await soon(outcomes.first())).toMatchObject({ kind: 'client-closed' })
  })
})
