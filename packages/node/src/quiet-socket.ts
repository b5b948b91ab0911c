import type { Socket } from 'node:net'
import type { Incoming } from './connection.ts'

/**
 * Leaves a request everything of its socket but the ways to write to it and to end it. The connection may be on to the next
 * request, and Express, for one, destroys the socket of a request that fails once it has been answered.
 */
export function quietSocket(incoming: Incoming): void {
  const socket = new Proxy(incoming.socket as Socket, quiet)
  Object.defineProperty(incoming, 'socket', { configurable: true, writable: true, value: socket })
}

const muted: ReadonlySet<string | symbol> = new Set([
  'destroy',
  'destroySoon',
  'resetAndDestroy',
  'end',
  'write',
])

const quiet: ProxyHandler<Socket> = {
  get(socket, name) {
    const value = Reflect.get(socket, name, socket)
    if (typeof value !== 'function') return value
    return muted.has(name) ? () => socket : value.bind(socket)
  },
  set: (socket, name, value) => Reflect.set(socket, name, value, socket),
}
