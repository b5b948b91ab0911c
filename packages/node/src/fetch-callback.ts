import {
  type GuardOptions,
  type HandlerResult,
  InvalidOptionError,
  NoResponseError,
  ResponseSentError,
} from '@curfew/core'
import { attachClient, attachedClient, guardWhenTold, isThenable } from '@curfew/core/adapter'
import type { Http2Bindings, HttpBindings } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { Connection, type Incoming, type Outgoing } from './connection.ts'
import { isApp } from './guard-listener.ts'
import type { OpenConnections } from './open-connections.ts'
import { isStatic } from './static-response.ts'
import { writeResponse } from './write-response.ts'

/** What a handler gets besides the request: Node's own objects, as `@hono/node-server` passes them. */
export type Bindings = HttpBindings | Http2Bindings

/** Any Web-standard handler; a Hono app's `fetch` is one. */
export type FetchHandler = (request: Request, env: never) => HandlerResult | PromiseLike<HandlerResult>

type FetchCallback = (request: Request, env: Bindings) => ReturnType<FetchHandler>
type NodeListener = (incoming: Incoming, outgoing: Outgoing) => Promise<void>

// Made by node-server's own Response (where a listener was made before this package was loaded) it would be sent as
// what it is; once its body has been looked at, it is not.
void RESPONSE_ALREADY_SENT.body

/** What node-server is to call: the handler, guarded if there is anything to guard it by, over a watched connection. */
export function fetchCallback(
  fetch: FetchHandler,
  options: GuardOptions,
  open: OpenConnections,
): FetchCallback {
  if (typeof fetch !== 'function') throw new InvalidOptionError('fetch', 'a function', fetch)
  if (isApp(fetch))
    throw new InvalidOptionError(
      'fetch',
      'a fetch handler; an app of Express or Connect is a listener',
      fetch,
    )
  const handler = fetch as FetchCallback
  const handle = guardWhenTold(handler, options)

  return (request, env) => {
    // A WebSocket on its way: there is no response to write.
    if (!env.outgoing) return handle(request, env)
    const connection = new Connection(env.incoming, env.outgoing, open)
    attachClient(request, connection)
    // Middleware may put another request in the place of this one, but what goes out stays what it is.
    attachClient(env.outgoing, connection)
    const result = handle(request, env)
    if (isThenable(result)) return result.then((response) => hand(response, connection))
    return hand(result, connection)
  }
}

/**
 * Leaves to node-server what it writes in one piece, and nothing else: where it fails at a head or a stream it logs the
 * error with its stack, and puts the message into the response.
 */
function hand(response: HandlerResult, connection: Connection): Response | Promise<Response> {
  const { outgoing } = connection
  if (response === RESPONSE_ALREADY_SENT) {
    connection.leftToHandler = true
    return response
  }
  if (connection.ended || outgoing.headersSent) {
    void response?.body?.cancel().catch(() => {})
    // The handler has begun to write by itself, and now there is another response, for a timeout, say.
    if (response && !outgoing.writableEnded) connection.breakOff(new ResponseSentError(outgoing.statusCode))
    return RESPONSE_ALREADY_SENT
  }
  if (typeof response?.status !== 'number') {
    connection.breakOff(new NoResponseError(response))
    return RESPONSE_ALREADY_SENT
  }
  if (!connection.multiplexed && isStatic(response)) return response
  return writeResponse(response, connection).then(() => RESPONSE_ALREADY_SENT)
}

/** A listener for `node:http`, `node:https` and `node:http2`. */
export type Listener = (incoming: Incoming, outgoing: Outgoing) => void

/** node-server's listener rejects when it fails to write, and nobody would catch that: the process would end. */
export function contained(listener: NodeListener): Listener {
  return (incoming, outgoing) => {
    listener(incoming, outgoing).catch((error) => {
      const connection = attachedClient(outgoing) as Connection | undefined
      if (connection) connection.breakOff(error)
      else outgoing.destroy()
    })
  }
}
