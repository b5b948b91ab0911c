import { fileURLToPath } from 'node:url'
import { conformance, startServer } from '@curfew/conformance'
import { routes } from '@curfew/example-routes'
import { exceptions } from './exceptions.ts'

// Long enough for a client to leave before it on a busy machine.
const limitMs = 1_000

for (const app of ['plain', 'hono']) {
  conformance(`@curfew/edge on workerd, ${app}`, {
    limitMs,
    exceptions,
    start: async () => {
      const server = await startServer({
        command: process.execPath,
        args: [fileURLToPath(new URL('../dist/main.js', import.meta.url))],
        env: { APP: app, LIMIT_MS: String(limitMs), PORT: '0', LOG: 'json' },
      })
      return { ...server, routes }
    },
  })
}
