import type { Socket } from 'node:net'
import type { Incoming } from './connection.ts'

/**
 * Leaves a request everything of its socket but the ways to write to it and to end it. The connection may be on to the next
 * request, and Express, for one, destroys the socket of a request that fails once it has been answered.
 *
 * @param instead called for each such attempt
 */
export function quietSocket(incoming: Incoming, instead: () => void = () => {}): void {
  const socket = incoming.socket as Socket | null
  // Node takes it off a request whose body is given up: by a loop that is left, or a pipeline that fails.
  if (!socket) return
  const value = new Proxy(socket, quiet(instead))
  Object.defineProperty(incoming, 'socket', { configurable: true, writable: true, value })
}

const muted: ReadonlySet<string | symbol> = new Set([
  'destroy',
  'destroySoon',
  'resetAndDestroy',
  'end',
  'write',
])

const quiet = (instead: () => void): ProxyHandler<Socket> => ({
  get(socket, name) {
    const value = Reflect.get(socket, name, socket)
    if (typeof value !== 'function') return value
    if (!muted.has(name)) return value.bind(socket)
    return () => {
      instead()
      return socket
    }
  },
  set: (socket, name, value) => Reflect.set(socket, name, value, socket),
})
