import { scopeOf } from '@curfew/node/express'
import type { Serve } from '../kit.ts'
import { answerListener } from './answer-listener.ts'
import { expressApp } from './express-app.ts'

export const serve: Serve = expressApp((kit, req, res) =>
  answerListener(kit, req, res, () => scopeOf(req).signal),
)
