import type { Context, MiddlewareHandler } from 'hono'
import { curfew } from './curfew.ts'
import { findScope, scopeOf } from './scope-of.ts'

/** A limit in milliseconds; `false` or `Infinity` for none. */
export type Limit = number | false

/**
 * Gives a route its own deadline: `limit` milliseconds from here, longer or shorter than the guard's, or none. A
 * function decides for each request. Without a guard around it, it is one.
 *
 * @throws {InvalidOptionError} for `NaN`, zero or a negative limit: at once, or into `app.onError` if a function gave it
 *
 * @example
 * ```ts
 * app.get('/report', deadline(30_000), handler)
 * app.get('/events', deadline(false), (c) => streamSSE(c, feed))
 * app.get('/search', deadline((c) => (c.req.query('deep') ? 20_000 : 2_000)), handler)
 * ```
 */
export function deadline(limit: Limit | ((c: Context) => Limit)): MiddlewareHandler {
  const alone = curfew(typeof limit === 'function' ? {} : { timeoutMs: limit })

  return (c, next) => {
    const scope = findScope(c)
    if (scope) {
      scope.deadline.set(typeof limit === 'function' ? limit(c) : limit)
      return next()
    }
    if (typeof limit !== 'function') return alone(c, next)
    return alone(c, () => {
      scopeOf(c).deadline.set(limit(c))
      return next()
    })
  }
}
