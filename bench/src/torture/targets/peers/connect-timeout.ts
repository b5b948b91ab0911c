import type { Serve } from '../../kit.ts'
import { answerListener } from '../answer-listener.ts'
import { connectTimeoutApp } from './connect-timeout-app.ts'

/** Handlers are promises, which Express 5 waits for. */
export const serve: Serve = (kit) =>
  connectTimeoutApp(kit, (req, res, _next, signal) => answerListener(kit, req, res, signal))
