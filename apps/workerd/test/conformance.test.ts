import { fileURLToPath } from 'node:url'
import { conformance, startServer } from '@curfew/conformance'
import { routes } from '@curfew/example-routes'

// Long enough for a client to leave before it on a busy machine.
const limitMs = 1_000

const unseen = 'workerd does not notice a FIN while the handler is at work'
const handedOver = 'a body of bytes is handed over whole, and workerd tells nobody what becomes of it'

const exceptions = {
  'a client that leaves by FIN is recorded as that, and its upstream call is cancelled': unseen,
  'the same by FIN in the third request of a connection': unseen,
  'the same by FIN after a POST whose body was read': unseen,
  'the same by FIN after a POST whose body came after its head': unseen,
  'clients that leave are told apart from clients that stay': `half of them leave by FIN: ${unseen}`,
  'a client that leaves its pipeline by FIN has left all of it': unseen,
  'a client that leaves by FIN in mid-body is recorded as that, and nothing else is written': handedOver,
  'a client that leaves by RST in mid-body is recorded as that, and nothing else is written': handedOver,
  'a thousand clients that stay, wait in vain or leave: one ending each, and nothing is left over': `some of them leave by FIN: ${unseen}`,
}

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
