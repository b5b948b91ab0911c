import { guard } from '@curfew/core'
import { connectGreeter, createFetch, createGreeter, createLog, settings } from '@curfew/example-routes'
import { serve } from '@curfew/node'

const { limitMs, port, log: format, app } = settings(process.env)
const hostname = '127.0.0.1'
const log = createLog(format)

const upstream = serve({ fetch: createGreeter(guard, log.greeter), port: 0, hostname })
const greeter = connectGreeter(`http://${hostname}:${(await upstream.listening).port}`)
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
  signals: { graceMs: limitMs, onClosed: () => upstream.close({ graceMs: 0 }) },
})
log.listening(`http://${hostname}:${(await server.listening).port}`, limitMs)
