import { fileURLToPath } from 'node:url'
import { type Fixture, selfSigned, startServer } from '@curfew/conformance'
import { routes } from '@curfew/example-routes'

// Long enough for a client to leave before it on a busy machine.
const limitMs = 1_000

const { cert: CERT_PEM, key: KEY_PEM } = selfSigned()

const UNTOLD =
  'Deno tells that a response of text or bytes is complete as soon as it has taken it over, whether its client stays or not'
const UNSEEN =
  'Deno does not look at the connection again, before it has the response, once it has read a body that came after its head'

const exceptions = {
  'a client that leaves by FIN in mid-body is recorded as that, and nothing else is written': UNTOLD,
  'a client that leaves by RST in mid-body is recorded as that, and nothing else is written': UNTOLD,
  'a client that leaves by RST_STREAM in mid-body is recorded as that, and nothing else is written': UNTOLD,
  'a stream that is reset in mid-body leaves the connection to the others': UNTOLD,
  'the same by FIN after a POST whose body came after its head': UNSEEN,
  'the same by RST after a POST whose body came after its head': UNSEEN,
}

/** The example as `npm start` runs it, with a shorter limit and its log as JSON. */
export function example(app: 'plain' | 'hono'): Fixture {
  return {
    limitMs,
    exceptions,
    protocols: ['http/1.1', 'h2c', 'h2'],
    start: async (protocol) => {
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
