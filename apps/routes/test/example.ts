import { fileURLToPath } from 'node:url'
import { type Fixture, type Protocol, startServer } from '@curfew/conformance'
import { routes } from '@curfew/example-routes'

// Long enough for a client to leave before it on a busy machine.
const limitMs = 600

/** An example as its `npm start` runs it, in a process of its own, with a shorter limit and its log as JSON. */
export function example(main: URL, protocol: Protocol = 'http/1.1'): Fixture {
  return {
    limitMs,
    protocols: [protocol],
    start: async () => {
      const server = await startServer({
        command: process.execPath,
        args: [fileURLToPath(main)],
        env: {
          LIMIT_MS: String(limitMs),
          PORT: '0',
          LOG: 'json',
          PROTOCOL: protocol,
          // In tests, Express logs no errors.
          NODE_ENV: '',
        },
      })
      return { ...server, routes }
    },
  }
}
