import { findScope as findScopeOfRequest, type Scope, scopeOf as scopeOfRequest } from '@curfew/core'
import type { Context } from 'hono'
import { scopeInside } from './isolation.ts'

/**
 * The scope of the request that is being handled: its `signal`, `deadline`, `response` buffer and `waitUntil()`. Also
 * works after a middleware has put another `Request` into `c.req.raw`, as body limits do.
 *
 * @throws {NotGuardedError} outside `curfew()` and `deadline()`
 *
 * @example
 * ```ts
 * app.get('/users', async (c) => c.json(await db.query(sql, { signal: scopeOf(c).signal })))
 * ```
 */
export function scopeOf(c: Context): Scope {
  return scopeInside(c) ?? scopeOfRequest(c.req.raw)
}

/** The same, for a request that may have none, or has one that has ended. */
export function findScope(c: Context): Scope | undefined {
  const scope = scopeInside(c) ?? findScopeOfRequest(c.req.raw)
  return scope?.outcome ? undefined : scope
}
