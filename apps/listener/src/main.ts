import { createServer as createHttp2Server } from 'node:http2'
import { createLog, settings } from '@curfew/example-routes'
import { startGreeter } from '@curfew/example-routes/node'
import { serve } from '@curfew/node'
import { createListener } from './create-listener.ts'

const { limitMs, port, log: format } = settings(process.env)
const hostname = '127.0.0.1'
const log = createLog(format)

const greeter = await startGreeter(log.greeter)
const listener = createListener({ limitMs, greeter, onOutcome: log.ending, onLateSettlement: log.late })
const server = serve({
  listener,
  port,
  hostname,
  ...(process.env.PROTOCOL === 'h2c' && { createServer: createHttp2Server }),
  health: true,
  signals: { graceMs: limitMs, onClosed: greeter.close },
})
log.listening(`http://${hostname}:${(await server.listening).port}`, limitMs)
