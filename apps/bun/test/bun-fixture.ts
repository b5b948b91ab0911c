import { fileURLToPath } from 'node:url'
import { type Fixture, type Protocol, selfSigned, startServer } from '@curfew/conformance'
import { routes } from '@curfew/example-routes'
import { exceptionsOver } from './exceptions.ts'

// Long enough for a client to leave before it on a busy machine.
const limitMs = 1_000

const { cert: CERT_PEM, key: KEY_PEM } = selfSigned()

/** The example as it stands in its sources, run by the `bun` of the package's own dependencies. */
export function bunFixture(app: 'plain' | 'hono', protocol: Protocol): Fixture {
  return {
    limitMs,
    exceptions: exceptionsOver(protocol),
    protocols: [protocol],
    start: async () => {
      const server = await startServer({
        command: fileURLToPath(new URL('../node_modules/.bin/bun', import.meta.url)),
        args: ['--conditions=curfew-source', fileURLToPath(new URL('../src/main.ts', import.meta.url))],
        // In development Bun prints the error of each body that breaks, with its stack.
        env: {
          APP: app,
          LIMIT_MS: String(limitMs),
          PORT: '0',
          LOG: 'json',
          PROTOCOL: protocol,
          CERT_PEM,
          KEY_PEM,
          NODE_ENV: 'production',
        },
      })
      return { ...server, routes }
    },
  }
}
