import type { EventEmitter } from 'node:events'

interface Closable {
  close(options: { graceMs: number }): Promise<unknown>
}

/** The servers of this process that listen: whoever ends it can let their requests finish first. */
export const openServers: Set<Closable> = new Set()

/** Counts a server in for as long as it listens. */
export function whileListening(server: EventEmitter, closable: Closable): void {
  server.on('listening', () => openServers.add(closable))
  server.on('close', () => openServers.delete(closable))
}
