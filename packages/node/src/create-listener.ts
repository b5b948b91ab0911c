import type { GuardOptions } from '@curfew/core'
import { splitOptions } from '@curfew/core/adapter'
import { getRequestListener } from '@hono/node-server'
import { contained, type FetchHandler, fetchCallback, type Listener } from './fetch-callback.ts'
import { OpenConnections } from './open-connections.ts'

/** What a guard may be told, and what node-server may be told of how to read a request. */
export interface ListenerOptions extends GuardOptions {
  /** The host for a request that names none. */
  hostname?: string
  /** Whether node-server may replace the global `Request` and `Response` by faster ones (default `true`). */
  overrideGlobalObjects?: boolean
  /** Whether what a handler left unread of a request is read and dropped (default `true`). */
  autoCleanupIncoming?: boolean
}

/** Those of node-server. */
export const listenerOptionNames = ['hostname', 'overrideGlobalObjects', 'autoCleanupIncoming'] as const

/**
 * A listener that runs a fetch handler over `@hono/node-server`, with the connection itself as the client that is
 * watched. Given any option of a guard, it guards the handler. Given none it does not, so that guards further in (the
 * `curfew()` of a Hono app, say) decide and answer by themselves; they, too, then see the connection.
 *
 * @throws {InvalidOptionError} for an option that is unknown or has a value that it cannot have
 *
 * @example
 * ```ts
 * createServer(createListener(app.fetch, { timeoutMs: 5_000 })).listen(3000)
 * ```
 */
export function createListener(fetch: FetchHandler, options: ListenerOptions = {}): Listener {
  const { own, guardOptions } = splitOptions(options, listenerOptionNames)
  return contained(getRequestListener(fetchCallback(fetch, guardOptions, new OpenConnections()), own))
}
