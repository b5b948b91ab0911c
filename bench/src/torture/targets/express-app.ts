import { curfew, recordErrors } from '@curfew/node/express'
import express, { type NextFunction, type Request, type Response } from 'express'
import { idOf, type Kit, type Serve } from '../kit.ts'
import { contained } from './contained.ts'
import { HOST, listening } from './listening.ts'

type Answer = (kit: Kit, req: Request, res: Response, next: NextFunction) => unknown

/** Serves an app of Express with a guard, whose only handler is `answer`. */
export function expressApp(answer: Answer): Serve {
  return (kit) => {
    contained(kit)
    const app = express()
    app.use((req, res, next) => {
      res.setHeader('x-id', idOf(req.url))
      next()
    })
    const guard = curfew(kit.guard)
    app.use(guard)
    app.use((req, res, next) => answer(kit, req, res, next))
    app.use(recordErrors())
    // In the place of Express's own, which prints what it answers.
    app.use((error: unknown, _req: Request, res: Response, next: NextFunction) => {
      if (res.headersSent) return next(error)
      res.status(500).send('failed')
    })
    app.set('env', 'test')
    return listening(app.listen(kit.port, HOST), guard.stats)
  }
}
