import { type Scope, scopeOf as scopeOfRequest } from '@curfew/core'
import type { Incoming } from './connection.ts'

/**
 * The scope of a request that is guarded: of Node's own request under `guardListener()`, Express, Koa or Fastify, and of a
 * Web-standard one under `serve()` and `createListener()`.
 *
 * @throws {NotGuardedError} when no guard runs for this object
 *
 * @example
 * ```ts
 * app.get('/report', async (req, res) => {
 *   const { signal, deadline } = scopeOf(req)
 *   deadline.extend(10_000)
 *   res.json(await report({ signal }))
 * })
 * ```
 */
export function scopeOf(request: Incoming | Request): Scope {
  return scopeOfRequest(request as Request)
}
