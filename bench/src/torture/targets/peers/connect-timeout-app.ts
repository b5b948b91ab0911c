import timeout from 'connect-timeout'
import express, { type NextFunction, type Request, type Response } from 'express'
import { idOf, type Kit, type Listening } from '../../kit.ts'
import { HOST, listening } from '../listening.ts'
import { problemType, timeoutBody } from './problem.ts'
import { uncontained } from './uncontained.ts'

type Answer = (
  req: Request,
  res: Response,
  next: NextFunction,
  signal: () => AbortSignal,
) => void | Promise<void>

/** connect-timeout in Express, with an error handler as Express's documentation has it. */
export function connectTimeoutApp(kit: Kit, answer: Answer): Promise<Listening> {
  uncontained()
  const app = express()
  app.use((req, res, next) => {
    res.setHeader('x-id', idOf(req.url))
    next()
  })
  app.use(timeout(`${kit.limitMs}ms`))
  app.use((req, _res, next) => {
    if (!req.timedout) next()
  })
  app.use((req, res, next) => answer(req, res, next, () => signalOf(req, res)))
  app.use((error: unknown, req: Request, res: Response, next: NextFunction) => {
    const isTimeout = typeof error === 'object' && error !== null && 'timeout' in error
    if (req.timedout && !isTimeout) kit.note('an error for who had had a timeout')
    if (res.headersSent) return next(error)
    if (isTimeout) return void res.status(503).type(problemType).send(timeoutBody)
    res.status(500).send('failed')
  })
  app.set('env', 'test')
  return listening(app.listen(kit.port, HOST))
}

/** It has none, but tells by an event, and Node tells of a client that leaves. */
function signalOf(req: Request, res: Response): AbortSignal {
  const controller = new AbortController()
  req.on('timeout', () => controller.abort(new Error('timed out')))
  res.on('close', () => controller.abort(new Error('closed')))
  return controller.signal
}
