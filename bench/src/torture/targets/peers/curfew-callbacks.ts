import { scopeOf } from '@curfew/node/express'
import type { Serve } from '../../kit.ts'
import { expressApp } from '../express-app.ts'
import { answerCallback } from './answer-callback.ts'

/** The same handlers as connect-timeout's, with callbacks. */
export const serve: Serve = expressApp((kit, req, res, next) =>
  answerCallback(kit, req, res, next, () => scopeOf(req).signal),
)
