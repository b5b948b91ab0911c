import { fileURLToPath } from 'node:url'
import { type Fixture, type Protocol, selfSigned, startServer } from '@curfew/conformance'
import { routes } from '@curfew/example-routes'

// Long enough for a client to leave before it on a busy machine.
const limitMs = 1_000

const { cert: CERT_PEM, key: KEY_PEM } = selfSigned()

const UNTOLD =
  'Deno tells that a response of text or bytes is complete as soon as it has taken it over, whether its client stays or not'
const UNSEEN =
  'Deno does not look at the connection again, before it has the response, once it has read a body that came after its head'

const inMidBody = (way: string): string =>
  `a client that leaves by ${way} in mid-body is recorded as that, and nothing else is written`
const ofAnyProtocol = { [inMidBody('FIN')]: UNTOLD, [inMidBody('RST')]: UNTOLD }
const ofHttp2 = {
  [inMidBody('RST_STREAM')]: UNTOLD,
  'a stream that is reset in mid-body leaves the connection to the others': UNTOLD,
}
const ofHttp1 = {
  'the same by FIN after a POST whose body came after its head': UNSEEN,
  'the same by RST after a POST whose body came after its head': UNSEEN,
}

/** The example as `npm start` runs it, with a shorter limit and its log as JSON. */
export function example(app: 'plain' | 'hono', protocol: Protocol): Fixture {
  return {
    limitMs,
    exceptions: { ...ofAnyProtocol, ...(protocol === 'http/1.1' ? ofHttp1 : ofHttp2) },
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
