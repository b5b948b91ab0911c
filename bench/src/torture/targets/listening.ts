import { once } from 'node:events'
import type { AddressInfo, Server } from 'node:net'
import type { Stats } from '@curfew/core'
import type { Listening } from '../kit.ts'

export const HOST = '127.0.0.1'

/** A server of Node's, once it listens. */
export async function listening(server: Server, stats?: Stats): Promise<Listening> {
  if (!server.listening) await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    ...(stats && { stats }),
    connections: () =>
      new Promise((resolve, reject) => {
        server.getConnections((error, count) => (error ? reject(error) : resolve(count)))
      }),
  }
}
