import { fileURLToPath } from 'node:url'
import { type Fixture, type Protocol, selfSigned, startServer } from '@curfew/conformance'
import { routes } from '@curfew/example-routes'
import { exceptionsOver } from './exceptions.ts'

// Long enough for a client to leave before it on a busy machine.
const limitMs = 1_000

const { cert: CERT_PEM, key: KEY_PEM } = selfSigned()

/** The example as `npm start` runs it, with a shorter limit and its log as JSON. */
export function example(app: 'plain' | 'hono', protocol: Protocol): Fixture {
  return {
    limitMs,
    exceptions: exceptionsOver(protocol),
    protocols: [protocol],
    start: async () => {
      const server = await startServer({
        command: fileURLToPath(new URL('../node_modules/.bin/deno', import.meta.url)),
        args: [
          'run',
          '--node-modules-dir=manual',
          '--no-prompt',
          '--allow-net',
          '--allow-env',
          'dist/main.js',
        ],
        cwd: fileURLToPath(new URL('..', import.meta.url)),
        env: {
          APP: app,
          LIMIT_MS: String(limitMs),
          PORT: '0',
          LOG: 'json',
          ...(protocol === 'h2' && { CERT_PEM, KEY_PEM }),
        },
      })
      return { ...server, routes }
    },
  }
}
