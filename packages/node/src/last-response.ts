import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Incoming, Outgoing } from './connection.ts'

/** The response that each connection is to end with. */
const last = new WeakMap<Socket, ServerResponse>()

/**
 * Has the head of a response say that its connection ends with it (`connection: close`), so that the client comes back on
 * another one. Of a pipeline it is the last response that says so: what comes after it, Node does not send. HTTP/2 has
 * other ways.
 */
export function endWith(outgoing: Outgoing, { socket }: Pick<Incoming, 'socket'>): void {
  if (!('shouldKeepAlive' in outgoing) || outgoing.headersSent || !outgoing.shouldKeepAlive) return
  const before = last.get(socket)
  if (before && !before.headersSent) before.shouldKeepAlive = true
  outgoing.shouldKeepAlive = false
  last.set(socket, outgoing)
}

/** Whether the connection ends with this response, or with what is sent in its place. */
export function isLast(outgoing: ServerResponse): boolean {
  // The request has none any more if its body was given up, and the response none before its turn.
  const socket = outgoing.socket ?? outgoing.req.socket
  return last.get(socket) === outgoing
}
