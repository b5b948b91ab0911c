import { readFileSync } from 'node:fs'
import { createServer as createHttp2Server, createSecureServer } from 'node:http2'
import { reporter } from '@curfew/core/report'
import { createApp, createLog, settings } from '@curfew/example-routes'
import { consoleHook } from '@curfew/hooks'
import { jsonLines } from '@curfew/hooks/json-lines'
import { type ServeOptions, serve } from '@curfew/node'
import { connectGreeter } from './greeter-client.ts'
import { startGreeter } from './greeter-server.ts'

const { limitMs, port, log: format } = settings(process.env)
const { PROTOCOL = 'http/1.1', TLS_CERT, TLS_KEY, REPORTS = 'reports.jsonl' } = process.env
const log = createLog(format)

const greeter = await startGreeter({ onCall: log.greeter })
const client = connectGreeter(greeter.address)
const reports = reporter({
  service: 'example',
  hooks: [jsonLines(REPORTS), ...(format === 'json' ? [] : [consoleHook()])],
})
const app = createApp({
  limitMs,
  greeter: client,
  onOutcome: log.ending,
  onLateSettlement: log.late,
  reporter: reports,
})
const server = serve({
  fetch: app.fetch,
  port,
  hostname: '127.0.0.1',
  ...protocol(),
  health: true,
  signals: { graceMs: limitMs, onClosed: stopGreeter },
})
const address = await server.listening
log.listening(`${PROTOCOL === 'h2' ? 'https' : 'http'}://127.0.0.1:${address.port}`, limitMs, REPORTS)

async function stopGreeter(): Promise<void> {
  client.close()
  await greeter.close()
}

function protocol(): Pick<ServeOptions, 'createServer' | 'serverOptions'> {
  if (PROTOCOL === 'h2c') return { createServer: createHttp2Server }
  if (PROTOCOL !== 'h2') return {}
  const [cert, key] = [TLS_CERT, TLS_KEY].map((file) => readFileSync(file!))
  return { createServer: createSecureServer, serverOptions: { cert: cert!, key: key!, allowHTTP1: true } }
}
