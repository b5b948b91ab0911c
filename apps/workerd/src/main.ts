import { guard } from '@curfew/core'
import { createGreeter, createLog, settings } from '@curfew/example-routes'
import { serve } from '@curfew/node'
import { startWorkerd } from './start-workerd.ts'

const { limitMs, port, log: format, app } = settings(process.env)
const hostname = '127.0.0.1'
const log = createLog(format)

// The upstream is no worker: it is there to tell which of its calls are cancelled.
const upstream = serve({ fetch: createGreeter(guard, log.greeter), port: 0, hostname })
const greeter = `http://${hostname}:${(await upstream.listening).port}`

const workerd = await startWorkerd({
  address: `${hostname}:${port}`,
  config: process.env.CONFIG ?? 'config',
  env: { LIMIT_MS: String(limitMs), LOG: format, APP: app, GREETER: greeter },
})
log.listening(`http://${hostname}:${workerd.port}`, limitMs)

for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => workerd.stop(Math.min(limitMs, 4_000)))

process.exitCode = await workerd.exited
await upstream.close({ graceMs: 0 })
