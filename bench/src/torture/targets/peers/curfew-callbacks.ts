import { curfew, recordErrors, scopeOf } from '@curfew/node/express'
import express, { type NextFunction, type Request, type Response } from 'express'
import { idOf, type Serve } from '../../kit.ts'
import { contained } from '../contained.ts'
import { HOST, listening } from '../listening.ts'
import { answerCallback } from './answer-callback.ts'

/** The same handlers as connect-timeout's, with callbacks. */
export const serve: Serve = (kit) => {
  contained(kit)
  const app = express()
  app.use((req, res, next) => {
    res.setHeader('x-id', idOf(req.url))
    next()
  })
  const guard = curfew(kit.guard)
  app.use(guard)
  app.use((req, res, next) => answerCallback(kit, req, res, next, () => scopeOf(req).signal))
  app.use(recordErrors())
  app.use((error: unknown, _req: Request, res: Response, next: NextFunction) => {
    if (res.headersSent) return next(error)
    res.status(500).send('failed')
  })
  app.set('env', 'test')
  return listening(app.listen(kit.port, HOST), guard.stats)
}
