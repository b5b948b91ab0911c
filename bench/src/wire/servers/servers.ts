import { once } from 'node:events'
import type { AddressInfo, Server } from 'node:net'

/** Servers by the name of what guards them: each starts one, and gives its port. */
export type Servers = Record<string, () => Promise<number>>

export async function listening(server: Server): Promise<number> {
  if (!server.listening) await once(server, 'listening')
  return (server.address() as AddressInfo).port
}
