import { NotGuardedError, type Scope } from '@curfew/core'
import type { FastifyRequest } from 'fastify'

/**
 * The scope of a request: its signal, its deadline, and what else belongs to it. It is there from the hook of the
 * plugin on, and stays when the request has ended.
 *
 * @throws {NotGuardedError} in a route that has opted out, and in hooks that run before the plugin's own
 *
 * @example
 * ```ts
 * app.get('/report', async (request) => {
 *   const { deadline, signal } = scopeOf(request)
 *   deadline.extend(5_000)
 *   return db.query(sql, { signal })
 * })
 * ```
 */
export function scopeOf(request: Pick<FastifyRequest, 'curfew'>): Scope {
  const { curfew } = request
  if (!curfew) throw new NotGuardedError(request)
  return curfew
}
