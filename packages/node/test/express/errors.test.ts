import type { NextFunction, Request, Response } from 'express'
import { describe } from 'vitest'
import { recordErrors } from '../../src/express.ts'
import { type Define, get, head, parity, parityOfNode, post } from './parity.ts'

// What an app throws goes to its own error handling, as it does without a guard.

const failure = (status?: number): Error => Object.assign(new Error('boom'), { status, stack: 'Error: boom' })

const routes: Define = (app) => {
  app.get('/sync', () => {
    throw failure()
  })
  app.get('/next', (_req, _res, next) => next(failure()))
  app.get('/later', (_req, _res, next) => void setImmediate(() => next(failure())))
  app.get('/teapot', (_req, _res, next) => next(failure(418)))
  app.get('/teapot-headers', (_req, _res, next) => {
    next(Object.assign(failure(429), { headers: { 'retry-after': '120' } }))
  })
  app.get('/status-before', (_req, res, next) => {
    res.status(404).set('x-before', 'kept').set('content-encoding', 'gzip')
    next(failure())
  })
  app.get('/string', (_req, _res, next) => next('a string'))
  app.get('/after', (_req, res, next) => {
    res.send('sent')
    next(failure())
  })
  app.post('/', (_req, _res, next) => next(failure()))
}
const all = ['sync', 'next', 'later', 'teapot', 'teapot-headers', 'status-before', 'string'].map((name) =>
  get(`/${name}`),
)

const own: Define = (app, { note }) => {
  app.use((error: { message: string; status?: number }, req: Request, res: Response, _next: NextFunction) => {
    note(error.message, req.path, res.headersSent)
    res.status(error.status ?? 500).json({ error: error.message })
  })
}

const together =
  (...parts: Define[]): Define =>
  (app, kit) => {
    for (const part of parts) part(app, kit)
  }
const recorded: Define = (app) => app.use(recordErrors())

describe('errors', () => {
  parity('without an error handler', routes, [...all, head('/sync'), post('unread'), get('/sync')])
  parity('without an error handler, recorded', together(routes, recorded), [
    ...all,
    head('/sync'),
    post('unread'),
  ])
  parity('with one', together(routes, own), [...all, head('/sync')])
  parity('with one, recorded', together(routes, recorded, own), [...all, head('/sync')])
  parity(
    'of async handlers',
    together((app) => {
      app.get('/async', async () => {
        throw failure()
      })
      app.get('/awaited', async () => {
        await new Promise(setImmediate)
        throw failure(409)
      })
      app.get('/nothing', () => Promise.reject())
    }, own),
    [get('/async'), get('/awaited')],
    { only: 'Express 5' },
  )
  parity(
    'a rejection with nothing',
    (app) => {
      app.get('/', () => Promise.reject())
    },
    [get(), get()],
    { only: 'Express 5' },
  )
  parity(
    'an error handler that throws',
    together(routes, (app) => {
      app.use((error: Error, _req: Request, _res: Response, _next: NextFunction) => {
        throw Object.assign(failure(502), { cause: error })
      })
    }),
    all,
  )
  parity(
    'error handlers that pass it on, and one that recovers',
    together(routes, (app, { note }) => {
      app.use((error: Error, _req: Request, _res: Response, next: NextFunction) => {
        note(1)
        next(error)
      })
      app.use((_error: Error, _req: Request, _res: Response, next: NextFunction) => {
        note(2)
        next()
      })
      app.use((_, res) => res.send('recovered'))
    }),
    all,
  )
  parity(
    'within a sub-router, and out of it',
    (app, { express, note }) => {
      const router = express.Router()
      router.get('/', (_req, _res, next) => next(failure()))
      router.use((error: Error, _req: Request, _res: Response, next: NextFunction) => {
        note('inner')
        next(error)
      })
      app.use('/sub', router)
      own(app, { express, note })
    },
    [get('/sub')],
  )
  parity('after the response has been sent', together(routes, own), [get('/after')])
  parity(
    'after it has been written in part',
    together((app) => {
      app.get('/', (_req, res, next) => {
        res.type('text/plain').status(201)
        res.flushHeaders()
        res.write('a part', () => setImmediate(() => next(failure())))
      })
    }),
    [get()],
  )
  parityOfNode(
    'by Node alone',
    (req, _res, next) => {
      if (req.url === '/sync') throw failure()
      next(failure(req.url === '/none' ? 404 : undefined))
    },
    [get('/sync'), get('/none'), get()],
  )
})
