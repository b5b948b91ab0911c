import { fileURLToPath } from 'node:url'
import { type Fixture, startServer } from '@curfew/conformance'
import { routes } from '@curfew/example-routes'
import { exceptions } from './exceptions.ts'

// Long enough for a client to leave before it on a busy machine.
const limitMs = 1_000

/** The example as it stands in its sources, run by the `bun` of the package's own dependencies. */
export function bunFixture(app: 'plain' | 'hono'): Fixture {
  return {
    limitMs,
    exceptions,
    start: async () => {
      const server = await startServer({
        command: fileURLToPath(new URL('../node_modules/.bin/bun', import.meta.url)),
        args: ['--conditions=curfew-source', fileURLToPath(new URL('../src/main.ts', import.meta.url))],
        // In development Bun prints the error of each body that breaks, with its stack.
        env: { APP: app, LIMIT_MS: String(limitMs), PORT: '0', LOG: 'json', NODE_ENV: 'production' },
      })
      return { ...server, routes }
    },
  }
}
