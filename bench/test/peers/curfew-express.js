import { curfew, deadline, recordErrors } from '@curfew/node/express'
import { createApp } from './express-routes.js'
import { limitMs, recorded, serving } from './notes.js'

const guard = curfew({
  timeoutMs: limitMs,
  onOutcome: (outcome, request) => recorded(new URL(request.url).pathname, outcome.kind),
})
const app = createApp({
  limit: [guard],
  longer: (ms) => [deadline(ms)],
  off: [deadline(false)],
  errors: [recordErrors()],
})

await serving(app.listen(0, '127.0.0.1'), { app, guard })
