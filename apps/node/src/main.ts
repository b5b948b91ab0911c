import { guard } from '@curfew/core'
import { createFetch, createLog, settings } from '@curfew/example-routes'
import { startGreeter } from '@curfew/example-routes/node'
import { serve } from '@curfew/node'

const { limitMs, port, log: format, app } = settings(process.env)
const hostname = '127.0.0.1'
const log = createLog(format)

const greeter = await startGreeter(log.greeter)
const fetch = createFetch(guard, {
  app,
  limitMs,
  greeter,
  onOutcome: log.ending,
  onLateSettlement: log.late,
})
const server = serve({
  fetch,
  port,
  hostname,
  health: true,
  signals: { graceMs: limitMs, onClosed: greeter.close },
})
log.listening(`http://${hostname}:${(await server.listening).port}`, limitMs)
