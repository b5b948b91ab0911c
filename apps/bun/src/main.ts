import { guard, serve } from '@curfew/bun'
import { connectGreeter, createFetch, createGreeter, createLog, settings } from '@curfew/example-routes'

const { limitMs, port, log: format, app } = settings(process.env)
const { PROTOCOL = 'http/1.1', CERT_PEM: cert, KEY_PEM: key } = process.env
const hostname = '127.0.0.1'
const log = createLog(format)

const upstream = serve({ fetch: createGreeter(guard, log.greeter), port: 0, hostname })
const greeter = connectGreeter(upstream.server.url)
const fetch = createFetch(guard, {
  app,
  limitMs,
  greeter,
  onOutcome: log.ending,
  onLateSettlement: log.late,
})
const tls = PROTOCOL === 'h2' ? { tls: { cert, key } } : {}
const { server } = serve({
  fetch,
  port,
  hostname,
  http2: PROTOCOL !== 'http/1.1',
  ...tls,
  health: true,
  signals: { graceMs: limitMs, onClosed: () => upstream.close({ graceMs: 0 }) },
})
log.listening(server.url.origin, limitMs)
