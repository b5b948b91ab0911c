import { attachClient, type GuardOptions, guard, type HandlerResult } from '@curfew/core'
import type { Http2Bindings, HttpBindings } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { Connection, type Incoming, type Outgoing } from './connection.ts'
import { staticBody } from './static-response.ts'
import { writeStream } from './write-stream.ts'

/** What a handler gets besides the request: Node's own objects, as `@hono/node-server` passes them. */
export type Bindings = HttpBindings | Http2Bindings

/** Any Web-standard handler; a Hono app's `fetch` is one. */
export type FetchHandler = (request: Request, env: never) => HandlerResult | PromiseLike<HandlerResult>

type FetchCallback = (request: Request, env: Bindings) => ReturnType<FetchHandler>
type NodeListener = (incoming: Incoming, outgoing: Outgoing) => Promise<void>

/** What node-server is to call: the handler, guarded if there is anything to guard it by, over a watched connection. */
export function fetchCallback(
  fetch: FetchHandler,
  options: GuardOptions,
  open: Set<Connection>,
): FetchCallback {
  const handler = fetch as FetchCallback
  const handle = Object.keys(options).length > 0 ? guard(handler, options) : handler

  return (request, env) => {
    // A WebSocket on its way: there is no response to write.
    if (!env.outgoing) return handle(request, env)
    const connection = new Connection(env.incoming, env.outgoing, open)
    attachClient(request, connection)
    const result = handle(request, env)
    if (isPromiseLike(result)) return result.then((response) => hand(response, connection))
    return hand(result, connection)
  }
}

/**
 * Leaves to node-server what it writes in one piece, and nothing else: half-way through a stream it would log errors
 * with their stack, and put their message into the response.
 */
function hand(response: HandlerResult, connection: Connection): HandlerResult | Promise<Response> {
  if (!response) return response
  if (connection.closed) {
    void response.body?.cancel().catch(() => {})
    return RESPONSE_ALREADY_SENT
  }
  const body = staticBody(response)
  if (body !== undefined && !connection.mustPace(body)) return response
  if (response.body === null) return response
  return writeStream(response, connection).then(() => RESPONSE_ALREADY_SENT)
}

/**
 * node-server's listener rejects when a head cannot be written, for a line break in a header, say. Nobody would catch
 * that, and the process would end.
 */
export function contained(listener: NodeListener, open: Set<Connection>): Listener {
  return (incoming, outgoing) => {
    listener(incoming, outgoing).catch((error) => new Connection(incoming, outgoing, open).breakOff(error))
  }
}

/** A listener for `node:http`, `node:https` and `node:http2`. */
export type Listener = (incoming: Incoming, outgoing: Outgoing) => void

function isPromiseLike<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof (value as { then?: unknown } | undefined)?.then === 'function'
}
