import { readFileSync } from 'node:fs'
import { createServer as createHttp2Server, createSecureServer } from 'node:http2'
import { reporter } from '@curfew/core/report'
import { consoleHook } from '@curfew/hooks'
import { jsonLines } from '@curfew/hooks/json-lines'
import { type ServeOptions, serve } from '@curfew/node'
import { createApp } from './app.ts'
import { connectGreeter } from './greeter-client.ts'
import { startGreeter } from './greeter-server.ts'
import { createLog } from './log.ts'
import { routes } from './routes.ts'

const { LIMIT_MS = '2000', PORT = '3000', LOG, PROTOCOL = 'http/1.1', TLS_CERT, TLS_KEY } = process.env
const { REPORTS = 'reports.jsonl' } = process.env
const limitMs = Number(LIMIT_MS)
const log = createLog(LOG === 'json' ? 'json' : 'text')

const greeter = await startGreeter({ onCall: log.greeter })
const client = connectGreeter(greeter.address)
const reports = reporter({
  service: 'example',
  hooks: [jsonLines(REPORTS), ...(LOG === 'json' ? [] : [consoleHook()])],
})
const app = createApp({
  limitMs,
  greeter: client,
  onOutcome: log.ending,
  onLateSettlement: log.late,
  reporter: reports,
})
const server = serve({ fetch: app.fetch, port: Number(PORT), hostname: '127.0.0.1', ...protocol() })
const { port } = await server.listening
log.listening(
  `${PROTOCOL === 'h2' ? 'https' : 'http'}://127.0.0.1:${port}`,
  limitMs,
  Object.values(routes),
  REPORTS,
)

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop)

async function stop(): Promise<void> {
  await server.close({ graceMs: limitMs })
  await reports.flush()
  client.close()
  await greeter.close()
}

function protocol(): Pick<ServeOptions, 'createServer' | 'serverOptions'> {
  if (PROTOCOL === 'h2c') return { createServer: createHttp2Server }
  if (PROTOCOL !== 'h2') return {}
  const [cert, key] = [TLS_CERT, TLS_KEY].map((file) => readFileSync(file!))
  return { createServer: createSecureServer, serverOptions: { cert: cert!, key: key!, allowHTTP1: true } }
}
