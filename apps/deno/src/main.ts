import process from 'node:process'
import { guard, serve } from '@curfew/deno'
import { connectGreeter, createFetch, createGreeter, createLog, settings } from '@curfew/example-routes'

const { limitMs, port, log: format, app } = settings(process.env)
const { CERT_PEM: cert, KEY_PEM: key } = process.env
const hostname = '127.0.0.1'
const log = createLog(format)

const upstream = serve({ fetch: createGreeter(guard, log.greeter), port: 0, hostname })
const greeter = connectGreeter(`http://${hostname}:${upstream.server.addr.port}`)
const fetch = createFetch(guard, {
  app,
  limitMs,
  greeter,
  onOutcome: log.ending,
  onLateSettlement: log.late,
})
const tls = cert && key ? { cert, key } : {}
const server = serve({
  fetch,
  port,
  hostname,
  ...tls,
  health: true,
  signals: { graceMs: limitMs, onClosed: () => upstream.close({ graceMs: 0 }) },
})
log.listening(`${cert ? 'https' : 'http'}://${hostname}:${server.server.addr.port}`, limitMs)
