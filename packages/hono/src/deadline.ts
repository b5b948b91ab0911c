import { InvalidOptionError } from '@curfew/core'
import type { Context, MiddlewareHandler, Next } from 'hono'
import { curfew } from './curfew.ts'
import { findScope } from './scope-of.ts'

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
  if (limit === undefined)
    throw new InvalidOptionError('timeoutMs', 'milliseconds, false or a function', limit)
  const limitFor = typeof limit === 'function' ? limit : () => limit
  const alone = curfew(typeof limit === 'function' ? {} : { timeoutMs: limit })

  return async (c, next) => {
    if (!findScope(c)) return alone(c, () => limited(c, next))
    await limited(c, next)
  }

  async function limited(c: Context, next: Next): Promise<void> {
    // There is none on the way to a WebSocket.
    findScope(c)?.deadline.set(limitFor(c))
    await next()
  }
}
