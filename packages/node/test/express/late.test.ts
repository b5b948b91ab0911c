import { createReadStream } from 'node:fs'
import { PassThrough, Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { systemClock } from '@curfew/core'
import connect from 'connect'
import type { NextFunction, Request, Response } from 'express'
import { describe, expect, test } from 'vitest'
import { recordErrors, scopeOf } from '../../src/express.ts'
import { deferred } from '../support.ts'
import { listen, startApp, versions } from './guarded.ts'
import { get } from './parity.ts'

// What handlers do after their deadline, and who hears of it.

type Late = (res: Response, req: Request, next: NextFunction) => unknown

const problem = {
  type: 'about:blank',
  title: 'Service Unavailable',
  status: 503,
  code: 'HANDLER_TIMEOUT',
}

const writes: Record<string, Late> = {
  'res.send()': (res) => res.send('late'),
  'res.json()': (res) => res.status(201).json({ late: true }),
  'res.end()': (res) => res.end('late'),
  'res.sendStatus()': (res) => res.sendStatus(204),
  'res.redirect()': (res) => res.redirect('/late'),
  'res.sendFile()': (res, _req, next) => res.sendFile(import.meta.filename, next),
  'res.download()': (res, _req, next) => res.download(import.meta.filename, next),
  'res.cookie() and res.send()': (res) => res.cookie('late', 'yes').set('x-late', 'yes').send('late'),
  'res.write() in parts': (res) => {
    res.write('a', () => res.write('b', () => res.end('c')))
  },
  'res.writeHead()': (res) => res.writeHead(200, { 'x-late': 'yes' }).end('late'),
  'res.flushHeaders()': (res) => {
    res.flushHeaders()
    res.end()
  },
  'a stream that is piped': (res) => Readable.from(['late', 'later']).pipe(res),
  'a file that is piped': (res) => createReadStream(import.meta.filename).pipe(res),
  'res.setHeader() alone': (res) => res.setHeader('x-late', 'yes').end(),
}

describe.each(versions)('%s, after the deadline', (_name, make) => {
  test.each(Object.entries(writes))('%s reaches nobody', async (what, act) => {
    const [running, release, acted] = [deferred<void>(), deferred<void>(), deferred<void>()]
    const { client, clock, guard, outcomes } = await startApp(make, (app, guard) => {
      app.use((_, res, next) => {
        res.set({ 'x-outer': 'kept', 'access-control-allow-origin': '*' })
        next()
      })
      app.use(guard)
      app.get('/', async (req, res, next) => {
        res.set('x-inner', 'gone').status(202).cookie('inner', 'gone').type('text/plain')
        running.resolve()
        await release.promise
        act(res, req, next)
        acted.resolve()
      })
      app.get('/next', (_, res) => res.send('next'))
    })

    void client.send(get().head)
    await running.promise
    await clock.advance(1_000)
    const reply = await client.response()
    expect(JSON.parse(String(reply.body))).toEqual(problem)
    expect(reply.status).toBe(503)
    const names = [...reply.headers.keys()]
    expect(names).toEqual(expect.arrayContaining(['x-outer', 'access-control-allow-origin', 'x-powered-by']))
    expect(names).not.toContain('x-inner')
    expect(names).not.toContain('set-cookie')
    expect(reply.headers.get('content-type')).toBe('application/problem+json')

    release.resolve()
    await acted.promise
    void client.send(get('/next').head)
    expect(String((await client.response()).body)).toBe('next')
    client.fin()
    expect(String(await client.rest())).toBe('')
    // Those look at the response first, and see that it is over.
    if (!/File|download/.test(what)) await expect.poll(() => guard.stats.lateWrites).toBeGreaterThan(0)
    const { active, outcomes: kinds } = guard.stats
    expect({ active, kinds }).toMatchObject({ active: 0, kinds: { 'timed-out': 1, completed: 1 } })
    expect(outcomes.all[0]).toMatchObject({ kind: 'timed-out', status: 503, timeoutMs: 1_000 })
  })

  test('what is written in the moment of the deadline reaches nobody', async () => {
    const running = deferred<void>()
    const { client, clock } = await startApp(make, (app, guard) => {
      app.use(guard).get('/', (req, res) => {
        scopeOf(req).signal.addEventListener('abort', () => res.send('late'))
        res.once('close', () => res.send('later'))
        running.resolve()
      })
      app.get('/next', (_, res) => res.send('next'))
    })
    void client.send(get().head)
    await running.promise
    await clock.advance(1_000)
    expect((await client.response()).status).toBe(503)
    void client.send(get('/next').head)
    expect(String((await client.response()).body)).toBe('next')
  })

  test('a page of which there was a part leaves nothing of it in the 503', async () => {
    const running = deferred<void>()
    const { client, clock, outcomes } = await startApp(make, (app, guard) => {
      app.use(guard).get('/', (_, res) => {
        res
          .type('html')
          .set('cache-control', 'max-age=3600')
          .write('<h1>half a pa', () => running.resolve())
      })
    })
    void client.send(get().head)
    await running.promise
    await clock.advance(1_000)
    const reply = await client.response()
    expect(reply).toMatchObject({ status: 503, complete: true })
    expect(JSON.parse(String(reply.body))).toEqual(problem)
    expect([...reply.headers.keys()]).not.toContain('cache-control')
    expect(await outcomes.first()).toMatchObject({ kind: 'timed-out', phase: 'handling' })
  })

  test('a pipeline ends, as it does when the client has gone', async () => {
    const [running, ended] = [deferred<void>(), deferred<unknown>()]
    const { client, clock } = await startApp(make, (app, guard) => {
      app.use(guard).get('/', (_, res) => {
        const source = new PassThrough()
        source.write('one', () => running.resolve())
        pipeline(source, res).catch(ended.resolve)
      })
    })
    void client.send(get().head)
    await running.promise
    await clock.advance(1_000)
    expect((await client.response()).status).toBe(503)
    expect(await ended.promise).toMatchObject({ code: 'ERR_STREAM_PREMATURE_CLOSE' })
  })

  test('what is handed to next() is recorded, and bothers no error handler', async () => {
    const [running, release] = [deferred<void>(), deferred<void>()]
    const bothered: unknown[] = []
    const { client, clock, late, guard } = await startApp(make, (app, guard) => {
      app.use(guard).get('/', async (_req, _res, next) => {
        running.resolve()
        await release.promise
        next(new Error('too late'))
      })
      app.use(recordErrors())
      app.use((error: unknown, _req: Request, res: Response, _next: NextFunction) => {
        bothered.push(error)
        res.status(500).send('sorry')
      })
    })
    void client.send(get().head)
    await running.promise
    await clock.advance(1_000)
    expect((await client.response()).status).toBe(503)
    release.resolve()
    expect(await late.first()).toMatchObject({ kind: 'failed', error: { message: 'too late' } })
    expect(bothered).toEqual([])
    expect(guard.stats).toMatchObject({ abandoned: 0, late: { failed: 1 } })
  })

  test('what stops because its signal says so is recorded as cancelled', async () => {
    const running = deferred<void>()
    const { client, clock, late } = await startApp(make, (app, guard) => {
      app.use(guard).get('/', (req, _res, next) => {
        scopeOf(req).signal.addEventListener('abort', () => next(scopeOf(req).signal.reason))
        running.resolve()
      })
      app.use(recordErrors())
    })
    void client.send(get().head)
    await running.promise
    await clock.advance(1_000)
    expect((await client.response()).status).toBe(503)
    expect(await late.first()).toMatchObject({ kind: 'cancelled', error: { code: 'HANDLER_TIMEOUT' } })
  })

  test.each(['an own error handler', 'the default one'])(
    'without recordErrors() it goes to %s, whose answer is dropped',
    async (handler) => {
      const [running, release] = [deferred<void>(), deferred<void>()]
      const bothered: unknown[] = []
      const { client, clock, guard } = await startApp(make, (app, guard) => {
        app.use(guard).get('/', async (_req, _res, next) => {
          running.resolve()
          await release.promise
          next(new Error('too late'))
        })
        app.get('/next', (_, res) => res.send('next'))
        app.use((error: Error, _req: Request, res: Response, next: NextFunction) => {
          bothered.push(error.message)
          if (handler === 'the default one') next(error)
          else res.status(500).send('sorry')
        })
      })
      void client.send(get().head)
      await running.promise
      await clock.advance(1_000)
      expect((await client.response()).status).toBe(503)
      release.resolve()
      await expect.poll(() => bothered).toEqual(['too late'])
      void client.send(get('/next').head)
      expect(String((await client.response()).body)).toBe('next')
      client.fin()
      expect(String(await client.rest())).toBe('')
      if (handler !== 'the default one')
        expect(guard.stats).toMatchObject({ abandoned: 0, late: { completed: 1 } })
    },
  )

  test('middleware that comes back late calls its next handlers, for nobody', async () => {
    const [running, release, ran] = [deferred<void>(), deferred<void>(), deferred<void>()]
    const { client, clock, late } = await startApp(make, (app, guard) => {
      app.use(guard)
      app.use(async (_req, _res, next) => {
        running.resolve()
        await release.promise
        next()
      })
      app.get('/', (_, res) => {
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
    expect(await late.first()).toMatchObject({ kind: 'completed' })
  })

  test('pipelined requests each get their own answer', async () => {
    const [running, release] = [deferred<void>(), deferred<void>()]
    const { client, clock } = await startApp(make, (app, guard) => {
      app.use(guard)
      app.get('/slow', async (_, res) => {
        running.resolve()
        await release.promise
        res.send('late')
      })
      app.get('/fast', (_, res) => res.send('fast'))
    })
    void client.send(get('/fast').head + get('/slow').head + get('/fast').head)
    await running.promise
    expect(String((await client.response()).body)).toBe('fast')
    await clock.advance(1_000)
    expect((await client.response()).status).toBe(503)
    expect(String((await client.response()).body)).toBe('fast')
    release.resolve()
    void client.send(get('/fast').head)
    expect(String((await client.response()).body)).toBe('fast')
  })
})

test.each(versions)(
  '%s: of a thousand late answers none reaches anybody, and each client gets one',
  async (_name, make) => {
    const { guard, connect } = await startApp(
      make,
      (app, guard) => {
        app.use(guard).get('/', (_, res) => {
          // Each of them comes back when its request has ended.
          res.once('close', () => setImmediate(() => res.status(200).send('late')))
        })
        app.get('/next', (_, res) => res.send('next'))
      },
      { timeoutMs: 5, clock: systemClock },
    )
    const clients = await Promise.all(Array.from({ length: 50 }, connect))
    await Promise.all(
      clients.map(async (client) => {
        for (let round = 0; round < 20; round++) {
          void client.send(get().head)
          const reply = await client.response()
          expect(reply.status).toBe(503)
          expect(JSON.parse(String(reply.body))).toEqual(problem)
        }
        void client.send(get('/next').head)
        expect(String((await client.response()).body)).toBe('next')
        client.fin()
        expect(String(await client.rest())).toBe('')
      }),
    )
    await expect.poll(() => guard.stats.late.completed).toBe(1_000)
    expect(guard.stats).toMatchObject({
      active: 0,
      abandoned: 0,
      outcomes: { 'timed-out': 1_000, completed: 50 },
    })
    expect(guard.stats.lateWrites).toBeGreaterThanOrEqual(1_000)
  },
)

test('Express 5: a late rejection is recorded', async () => {
  const [running, release] = [deferred<void>(), deferred<void>()]
  const { client, clock, late } = await startApp(versions[0][1], (app, guard) => {
    app.use(guard).get('/', async () => {
      running.resolve()
      await release.promise
      throw new Error('rejected too late')
    })
    app.use(recordErrors())
  })
  void client.send(get().head)
  await running.promise
  await clock.advance(1_000)
  expect((await client.response()).status).toBe(503)
  release.resolve()
  expect(await late.first()).toMatchObject({ kind: 'failed', error: { message: 'rejected too late' } })
})

test('Connect: a late answer reaches nobody, and a late error is recorded', async () => {
  const { curfew } = await import('../../src/express.ts')
  const { ManualClock } = await import('@curfew/core/testing')
  const clock = new ManualClock()
  const settled: unknown[] = []
  const guard = curfew({
    timeoutMs: 1_000,
    clock,
    onLateSettlement: ({ kind, error }) => settled.push([kind, error]),
  })
  const [running, release] = [deferred<void>(), deferred<void>()]
  const app = connect()
  app.use(guard)
  app.use((req, res, next) => {
    running.resolve()
    void release.promise.then(() => (req.url === '/error' ? next('too late') : res.end('late')))
  })
  app.use(recordErrors())
  const client = await (await listen(app))()
  void client.send(get('/').head)
  await running.promise
  await clock.advance(1_000)
  expect((await client.response()).status).toBe(503)
  void client.send(get('/error').head)
  await expect.poll(() => guard.stats.active).toBe(1)
  await clock.advance(1_000)
  expect((await client.response()).status).toBe(503)
  release.resolve()
  await expect
    .poll(() => settled)
    .toEqual(
      expect.arrayContaining([
        ['completed', undefined],
        ['failed', 'too late'],
      ]),
    )
})
