import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PassThrough, pipeline } from 'node:stream'
import { NotGuardedError } from '@curfew/core'
import compression from 'compression'
import connect from 'connect'
import cookieSession from 'cookie-session'
import type { ErrorRequestHandler, NextFunction, Request, Response } from 'express'
import express from 'express'
import session from 'express-session'
import morgan from 'morgan'
import { pinoHttp } from 'pino-http'
import responseTime from 'response-time'
import { describe, expect, test, vi } from 'vitest'
import { curfew, deadline, recordErrors, scopeOf } from '../../src/express.ts'
import { guardListener } from '../../src/index.ts'
import { deferred, Journal, watchOutput } from '../support.ts'
import { listen, startApp, versions } from './guarded.ts'
import { get, post } from './parity.ts'

/** As the package `on-headers` does it. */
function onHeaders(res: Response, listener: () => void): void {
  const { writeHead } = res
  res.writeHead = function (this: Response, ...args: unknown[]) {
    listener()
    return Reflect.apply(writeHead, this, args)
  } as never
}

describe.each(versions)('curfew() in %s', (_name, make) => {
  test('loggers mounted before it say what the client got', async () => {
    const running = deferred<void>()
    const lines: string[] = []
    const records = new Journal<{ res: { statusCode: number }; msg: string }>()
    const { client, clock } = await startApp(make, (app, guard) => {
      app.use(
        morgan(':method :url :status :res[content-type] :res[x-inner] :response-time', {
          stream: { write: (line) => lines.push(line.trim()) },
        }),
      )
      app.use(pinoHttp({}, { write: (line: string) => records.add(JSON.parse(line)) }))
      app.use(guard).get('/', (_, res) => {
        res.set('x-inner', 'gone').status(201)
        running.resolve()
      })
    })
    void client.send(get().head)
    await running.promise
    expect(lines).toEqual([])
    await clock.advance(1_000)
    expect((await client.response()).status).toBe(503)
    await vi.waitFor(() => expect(lines).toHaveLength(1))
    expect(lines[0]).toMatch(/^GET \/ 503 application\/problem\+json - \d+\.\d+$/)
    expect(await records.first()).toMatchObject({ res: { statusCode: 503 } })
  })

  test('what middleware before it says as the head is written is said of the 503, but for the cookies of a session', async () => {
    const running = deferred<void>()
    const { client, clock } = await startApp(make, (app, guard) => {
      app.use(responseTime(), compression({ threshold: 0 }), cookieSession({ keys: ['a'] }))
      app.use((_, res, next) => {
        onHeaders(res, () =>
          res.set({ 'X-Status': `${res.statusCode} ${res.get('x-inner')}`, etag: '"of another body"' }),
        )
        next()
      })
      app.use(guard).get('/', (req, res) => {
        Object.assign(req.session!, { user: 'tobi' })
        res.set('x-inner', 'gone').status(201)
        running.resolve()
      })
    })
    void client.send(get('/', { 'accept-encoding': 'gzip' }).head)
    await running.promise
    await clock.advance(1_000)
    const { status, headers, body } = await client.response()
    expect(status).toBe(503)
    expect(headers.get('x-response-time')).toMatch(/ms$/)
    expect(headers.get('x-status')).toBe('503 undefined')
    for (const name of ['set-cookie', 'content-encoding', 'etag', 'x-inner'])
      expect(headers.has(name)).toBe(false)
    expect(JSON.parse(String(body))).toMatchObject({ code: 'HANDLER_TIMEOUT' })
  })

  test('who listens to the response before it hears of its end once, and sees what was sent', async () => {
    const running = deferred<void>()
    const seen: unknown[] = []
    const closed = deferred<void>()
    const { client, clock } = await startApp(make, (app, guard) => {
      app.use((_, res, next) => {
        res.on('finish', () =>
          seen.push(['finish', res.statusCode, res.headersSent, res.writableEnded, res.get('x-inner')]),
        )
        res.on('close', () => {
          seen.push(['close', res.statusCode])
          closed.resolve()
        })
        next()
      })
      app.use(guard).get('/', (_, res) => {
        res.set('x-inner', 'gone')
        running.resolve()
      })
    })
    void client.send(get().head)
    await running.promise
    await clock.advance(1_000)
    expect((await client.response()).status).toBe(503)
    await closed.promise
    expect(seen).toEqual([
      ['finish', 503, true, true, undefined],
      ['close', 503],
    ])
  })

  test('a client that leaves aborts the signal and closes the response, and is recorded as 499', async () => {
    const [running, aborted, closed] = [deferred<void>(), deferred<unknown>(), deferred<void>()]
    const lines: string[] = []
    const { client, outcomes, late, guard } = await startApp(make, (app, guard) => {
      app.use(morgan(':status', { stream: { write: (line) => lines.push(line.trim()) } }))
      app.use(guard).get('/', (req, res) => {
        scopeOf(req).signal.addEventListener('abort', () => aborted.resolve(scopeOf(req).signal.reason))
        res.once('close', () => {
          closed.resolve()
          setImmediate(() => res.send('for nobody'))
        })
        running.resolve()
      })
    })
    void client.send(get().head)
    await running.promise
    client.destroy()
    expect(await aborted.promise).toMatchObject({ code: 'CLIENT_CLOSED' })
    await closed.promise
    expect(await outcomes.first()).toMatchObject({ kind: 'client-closed', phase: 'handling', status: 499 })
    expect(await late.first()).toMatchObject({ kind: 'completed' })
    expect(guard.stats).toMatchObject({ active: 0, abandoned: 0 })
    await vi.waitFor(() => expect(lines).toHaveLength(1))
  })

  test('the status of a response is the one that was written, whatever an error handler sets while a session is saved', async () => {
    watchOutput()
    const { client, outcomes, late } = await startApp(make, (app, guard) => {
      app.use(guard)
      app.use(session({ secret: 'cat', resave: true, saveUninitialized: true }))
      app.get('/', (_req, res) => {
        res.send('a')
        res.send('b')
      })
      app.use(recordErrors())
      app.use(((_error, _req, res, _next) => void res.status(500).send('sorry')) as ErrorRequestHandler)
    })
    void client.send(get().head)
    const { status, body } = await client.response()
    expect([status, String(body)]).toEqual([200, 'a'])
    expect(await outcomes.first()).toMatchObject({ kind: 'completed', status: 200 })
    expect(await late.first()).toMatchObject({ kind: 'failed', error: { code: 'ERR_HTTP_HEADERS_SENT' } })
  })

  test('what a session would have saved and set is not in a 503', async () => {
    const running = deferred<void>()
    const { client, clock } = await startApp(make, (app, guard) => {
      app.use(session({ secret: 'cat', resave: false, saveUninitialized: true }))
      app.use(guard).get('/', (req, res) => {
        ;(req.session as unknown as { user: string }).user = 'tobi'
        running.resolve()
        scopeOf(req).signal.addEventListener('abort', () => res.send('late'))
      })
      app.get('/next', (_, res) => res.send('next'))
    })
    void client.send(get().head)
    await running.promise
    await clock.advance(1_000)
    const reply = await client.response()
    expect(reply.status).toBe(503)
    void client.send(get('/next').head)
    expect(String((await client.response()).body)).toBe('next')
  })

  test('a response in time stops the clock, and its late parts belong to it', async () => {
    const { client, clock, outcomes } = await startApp(make, (app, guard) => {
      app.use(guard).get('/', (_, res) => res.send('in time'))
    })
    void client.send(get().head)
    expect(String((await client.response()).body)).toBe('in time')
    expect(clock.pending).toBe(0)
    expect(await outcomes.first()).toMatchObject({ kind: 'completed', status: 200 })
  })

  test('an event stream begins at once, also through compression, and outlives the deadline', async () => {
    const [go, begun] = [deferred<void>(), deferred<void>()]
    const { client, clock, outcomes } = await startApp(make, (app, guard) => {
      app.use(guard, compression()).get('/', async (_, res) => {
        res.type('text/event-stream').write('data: 1\n\n')
        res.flush()
        await go.promise
        res.write('data: 2\n\n')
        res.end()
      })
    })
    void client.send(get('/', { 'accept-encoding': 'gzip' }).head)
    const reply = client.response({ onHead: () => begun.resolve() })
    await begun.promise
    await clock.advance(5_000)
    go.resolve()
    expect(await reply).toMatchObject({ status: 200, complete: true })
    expect(await outcomes.first()).toMatchObject({ kind: 'completed', streamed: 'event-stream' })
  })

  test('too many at a time are refused without their handlers', async () => {
    const [running, release] = [deferred<void>(), deferred<void>()]
    let calls = 0
    const { client, connect, guard, outcomes } = await startApp(
      make,
      (app, guard) => {
        app.use((_, res, next) => {
          res.set('x-outer', 'kept')
          next()
        })
        app.use(guard).get('/', async (_, res) => {
          calls++
          running.resolve()
          await release.promise
          res.send('in time')
        })
      },
      { maxConcurrent: 1 },
    )
    void client.send(get().head)
    await running.promise
    const other = await connect()
    void other.send(get().head)
    const reply = await other.response()
    expect(reply.status).toBe(503)
    expect(reply.headers.get('retry-after')).toBe('1')
    expect(reply.headers.get('x-outer')).toBe('kept')
    expect(JSON.parse(String(reply.body))).toMatchObject({ code: 'OVERLOADED' })
    release.resolve()
    expect(String((await client.response()).body)).toBe('in time')
    expect(calls).toBe(1)
    expect(guard.stats.outcomes).toMatchObject({ rejected: 1, completed: 1 })
    expect(outcomes.all[0]).toMatchObject({ kind: 'rejected', reason: 'overloaded' })
  })

  test('an inner one adjusts the outer one: one race, counted by both', async () => {
    const running = deferred<void>()
    const inner = curfew({ timeoutMs: 200, timeoutStatus: 504 })
    const { client, clock, outcomes } = await startApp(make, (app, guard) => {
      app.use(guard)
      app.use('/inner', inner, (_req, res) => {
        res.set('x-inner', 'gone')
        running.resolve()
      })
    })
    void client.send(get('/inner').head)
    await running.promise
    await clock.advance(200)
    const reply = await client.response()
    expect(reply.status).toBe(504)
    expect(reply.headers.has('x-inner')).toBe(false)
    expect(await outcomes.first()).toMatchObject({ kind: 'timed-out', timeoutMs: 200 })
    expect(inner.stats.outcomes).toMatchObject({ 'timed-out': 1 })
  })

  test('uploads that the handler waits for have the deadline, too', async () => {
    const { client, clock, guard } = await startApp(make, (app, guard) => {
      app.use(guard, express.json()).post('/', (req, res) => res.json(req.body))
    })
    const upload = post('{"a":1}', 'application/json')
    void client.send(upload.head)
    await vi.waitFor(() => expect(guard.stats.active).toBe(1))
    await clock.advance(1_000)
    expect((await client.response()).status).toBe(408)
  })

  test('a whole app under guardListener() is guarded as it is', async () => {
    const app = make()
    app.use((_, res, next) => {
      res.set('x-inner', 'gone')
      next()
    })
    app.get('/', (req, res) =>
      res.json({ isScope: scopeOf(req).signal === (req as never as { signal: unknown }).signal }),
    )
    app.get('/never', () => {})
    const client = await (await listen(guardListener(app, { timeoutMs: 50 })))()
    void client.send(get().head)
    expect(String((await client.response()).body)).toBe('{"isScope":true}')
    void client.send(get('/missing').head)
    expect((await client.response()).status).toBe(404)
    void client.send(get('/never').head)
    const reply = await client.response()
    expect(reply.status).toBe(503)
    expect(reply.headers.has('x-inner')).toBe(false)
  })
})

describe.each(versions)('recordErrors() in %s', (_name, make) => {
  test('a 500 of the app is recorded as failed, with what was thrown', async () => {
    const { client, outcomes, guard } = await startApp(make, (app, guard) => {
      app.use(guard).get('/', () => {
        throw new Error('boom')
      })
      app.use(recordErrors())
      app.use((_error: unknown, _req: Request, res: Response, _next: NextFunction) => {
        res.status(500).send('sorry')
      })
    })
    void client.send(get().head)
    expect(await client.response()).toMatchObject({ status: 500, body: Buffer.from('sorry') })
    expect(await outcomes.first()).toMatchObject({ kind: 'failed', status: 500, error: { message: 'boom' } })
    expect(guard.stats).toMatchObject({ active: 0, abandoned: 0 })
  })

  test('an error that the app answers below 500 is completed', async () => {
    const { client, outcomes } = await startApp(make, (app, guard) => {
      app.use(guard).get('/', (_req, _res, next) => next(Object.assign(new Error('no'), { status: 404 })))
      app.use(recordErrors())
    })
    void client.send(get().head)
    expect((await client.response()).status).toBe(404)
    expect(await outcomes.first()).toMatchObject({ kind: 'completed', status: 404 })
  })

  test('without it a 500 is what the app answered', async () => {
    const { client, outcomes } = await startApp(make, (app, guard) => {
      app.use(guard).get('/', (_req, _res, next) => next(new Error('boom')))
    })
    void client.send(get().head)
    expect((await client.response()).status).toBe(500)
    expect(await outcomes.first()).toMatchObject({ kind: 'completed', status: 500 })
  })

  test('an error after a part of a page gives a whole 500', async () => {
    const { client, outcomes } = await startApp(make, (app, guard) => {
      app.use(guard).get('/', (_req, res, next) => {
        res.type('html').write('<h1>half a pa')
        next(new Error('boom'))
      })
      app.get('/next', (_, res) => res.send('next'))
      app.use(recordErrors())
    })
    void client.send(get().head)
    const reply = await client.response()
    expect(reply).toMatchObject({ status: 500, complete: true })
    expect(JSON.parse(String(reply.body))).toMatchObject({ code: 'HANDLER_FAILED' })
    expect(await outcomes.first()).toMatchObject({
      kind: 'failed',
      phase: 'handling',
      error: { message: 'boom' },
    })
    void client.send(get('/next').head)
    expect(String((await client.response()).body)).toBe('next')
  })

  test('an error handler may end the page that the handler had begun', async () => {
    const { client, outcomes } = await startApp(make, (app, guard) => {
      app.use(guard).get('/', (_req, res, next) => {
        res.type('html').write('a part, ')
        next(new Error('boom'))
      })
      app.use(recordErrors())
      app.use((_error: unknown, _req: Request, res: Response, _next: NextFunction) => {
        res.end('and sorry')
      })
    })
    void client.send(get().head)
    expect(String((await client.response()).body)).toBe('a part, and sorry')
    expect(await outcomes.first()).toMatchObject({ kind: 'completed', status: 200 })
  })

  test('an error in a response that has begun breaks it off, and is what the record says', async () => {
    const { client, outcomes } = await startApp(make, (app, guard) => {
      app.use(guard).get('/', (_req, res, next) => {
        res.flushHeaders()
        res.write('a part', () => next(new Error('boom')))
      })
      app.use(recordErrors())
    })
    void client.send(get().head)
    const reply = await client.response().catch(() => undefined)
    expect(reply?.complete ?? false).toBe(false)
    expect(await outcomes.first()).toMatchObject({
      kind: 'failed',
      phase: 'streaming',
      error: { message: 'boom' },
    })
  })

  test('that a client left in the middle of a response is no error of the app', async () => {
    const [told, after] = [vi.fn(), deferred<void>()]
    const { client, outcomes } = await startApp(make, (app, guard) => {
      app.use(guard).get('/', (_req, res, next) => {
        const body = new PassThrough()
        body.write('data: 1\n\n')
        pipeline(body, res.type('text/event-stream'), (error) => {
          next(error)
          after.resolve()
        })
      })
      app.use(recordErrors())
      app.use((error: unknown, _req: Request, _res: Response, _next: NextFunction) => told(error))
    })
    const begun = client.pauseAfter(1)
    await client.send(get().head)
    await begun
    client.destroy()
    await after.promise
    expect(told).not.toHaveBeenCalled()
    expect(await outcomes.first()).toMatchObject({ kind: 'client-closed', phase: 'writing' })
  })

  test('outside a guard it passes everything on', async () => {
    const app = make()
    app.set('env', 'test')
    app.get('/', (_req, _res, next) => next(Object.assign(new Error('boom'), { status: 418 })))
    app.use(recordErrors())
    const client = await (await listen(app))()
    void client.send(get().head)
    expect((await client.response()).status).toBe(418)
  })
})

describe.each(versions)('deadline() in %s', (_name, make) => {
  test('lengthens, shortens and switches off', async () => {
    const running = new Journal<string>()
    const { client, clock, outcomes } = await startApp(make, (app, guard) => {
      const handler = (req: Request, res: Response): void => {
        running.add(req.path)
        setImmediate(() => void clock.advance(1_500).then(() => res.headersSent || res.send('in time')))
      }
      app.use(guard)
      app.get('/long', deadline(2_000), handler)
      app.get('/short', deadline(100), handler)
      app.get('/off', deadline(false), handler)
      app.get(
        '/asked',
        deadline((req: Request) => (req.query.deep ? 2_000 : 100)),
        handler,
      )
    })
    const status = async (path: string): Promise<number> => {
      void client.send(get(path).head)
      return (await client.response()).status
    }
    expect(await status('/long')).toBe(200)
    expect(await status('/short')).toBe(503)
    expect(await status('/off')).toBe(200)
    expect(await status('/asked?deep=1')).toBe(200)
    expect(await status('/asked')).toBe(503)
    expect((await outcomes.reached(5)).map(({ kind }) => kind)).toEqual([
      'completed',
      'timed-out',
      'completed',
      'completed',
      'timed-out',
    ])
  })

  test('is a guard where there is none', async () => {
    const app = make()
    app.get('/', deadline(20), () => {})
    app.get(
      '/asked',
      deadline(() => 20),
      () => {},
    )
    const client = await (await listen(app))()
    for (const path of ['/', '/asked']) {
      void client.send(get(path).head)
      expect((await client.response()).status).toBe(503)
    }
  })

  test('hands a limit that is none to the error handlers of the app', async () => {
    const errors: unknown[] = []
    const { client } = await startApp(make, (app, guard) => {
      app.get(
        '/alone',
        deadline(() => Number.NaN),
        (_, res) => res.send('never'),
      )
      app.get(
        '/guarded',
        guard,
        deadline(() => -1),
        (_, res) => res.send('never'),
      )
      app.use((error: { code: string }, _req: Request, res: Response, _next: NextFunction) => {
        errors.push(error.code)
        res.status(500).send('sorry')
      })
    })
    for (const path of ['/alone', '/guarded']) {
      void client.send(get(path).head)
      expect(await client.response()).toMatchObject({ status: 500, body: Buffer.from('sorry') })
    }
    expect(errors).toEqual(['INVALID_OPTION', 'INVALID_OPTION'])
  })

  test('lets pass by what has ended', async () => {
    const [running, release, ran] = [deferred<void>(), deferred<void>(), deferred<void>()]
    const { client, clock } = await startApp(make, (app, guard) => {
      app.use(guard)
      app.use(async (_req, _res, next) => {
        running.resolve()
        await release.promise
        next()
      })
      app.get('/', deadline(500), curfew(), (_, res) => {
        res.send('late')
        ran.resolve()
      })
    })
    void client.send(get().head)
    await running.promise
    await clock.advance(1_000)
    expect((await client.response()).status).toBe(503)
    release.resolve()
    await ran.promise
  })
})

test.each([undefined, Number.NaN, 0, -1, '100'])('deadline() refuses %s at once', (limit) => {
  expect(() => deadline(limit as never)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }))
})

test('curfew() refuses what it does not know, and what means nothing here', () => {
  expect(() => curfew({ timeoutMs: -1 })).toThrow('timeoutMs')
  expect(() => curfew({ timeout: 1 } as never)).toThrow('timeout')
  expect(() => curfew({ buffer: true } as never)).toThrow('buffer')
  expect(() => curfew(null as never)).toThrow('Invalid option options: expected an object, got null')
})

test('what makes a middleware says so when it is taken for one', async () => {
  const connect = await listen(
    express()
      .set('env', 'test')
      .use('/curfew', curfew as never)
      .use('/errors', recordErrors as never)
      .use(((error, _req, res, _next) => void res.send(error.message)) as ErrorRequestHandler),
  )
  const client = await connect()
  void client.send(get('/curfew').head)
  expect(String((await client.response()).body)).toContain('not app.use(curfew)')
  void client.send(get('/errors').head)
  expect(String((await client.response()).body)).toContain('not app.use(recordErrors)')
  // @ts-expect-error
  express().use(recordErrors)
})

test('scopeOf() throws where no guard runs', async () => {
  const thrown = deferred<unknown>()
  const app = express().get('/', (req, res) => {
    try {
      scopeOf(req)
    } catch (error) {
      thrown.resolve(error)
    }
    res.end()
  })
  const client = await (await listen(app))()
  void client.send(get().head)
  expect(await thrown.promise).toBeInstanceOf(NotGuardedError)
})

test('guardListener() calls a listener as the server does', async () => {
  const server = createServer(
    guardListener(function (this: unknown, _req, res: ServerResponse) {
      res.end(String(this === server))
    }),
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const reply = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
  expect(await reply.text()).toBe('true')
  server.closeAllConnections()
  server.close()
})

test('app.listen() is all that it takes', async () => {
  const app = express()
    .use(curfew({ timeoutMs: 20 }))
    .get('/', () => {})
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { status } = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
  expect(status).toBe(503)
  server.closeAllConnections()
  server.close()
})

test('Connect takes it as any middleware, and calls recordErrors() for errors', async () => {
  const outcomes: unknown[] = []
  const app = connect()
  app.use(curfew({ timeoutMs: 5_000, onOutcome: ({ kind, status }) => outcomes.push([kind, status]) }))
  app.use('/limited', deadline(20))
  app.use('/limited', () => {})
  app.use('/error', (_req, _res, next) => next(new Error('boom')))
  app.use((req, res) => res.end(`hello ${req.url}`))
  app.use(recordErrors())
  const client = await (await listen(app))()
  for (const [path, status] of [
    ['/a', 200],
    ['/limited', 503],
    ['/error', 500],
  ] as const) {
    void client.send(get(path).head)
    expect((await client.response()).status).toBe(status)
  }
  await vi.waitFor(() =>
    expect(outcomes).toEqual([
      ['completed', 200],
      ['timed-out', 503],
      ['failed', 500],
    ]),
  )
})

test('an upgrade goes where the server sends it', async () => {
  const guard = curfew({ timeoutMs: 1_000 })
  const server = createServer(express().use(guard))
  server.on('upgrade', (_req, socket) => socket.end('HTTP/1.1 101 Switching Protocols\r\n\r\n'))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { rawClient } = await import('@curfew/conformance')
  const client = await rawClient({ host: '127.0.0.1', port: (server.address() as AddressInfo).port })
  void client.send(get('/', { connection: 'upgrade', upgrade: 'websocket' }).head)
  expect(String(await client.rest())).toContain('101 Switching Protocols')
  expect(guard.stats.active).toBe(0)
  server.close()
})
