import type { Serve } from '../../kit.ts'
import { answerCallback } from './answer-callback.ts'
import { connectTimeoutApp } from './connect-timeout-app.ts'

export const serve: Serve = (kit) =>
  connectTimeoutApp(kit, (req, res, next, signal) => answerCallback(kit, req, res, next, signal))
