import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  findScope as findScopeOf,
  InvalidOptionError,
  type Outcome,
  type Scope,
  type Stats,
} from '@curfew/core'
import { attachedClient } from '@curfew/core/adapter'
import { checkMade } from './check-made.ts'
import { exchangeGuard, type WritingGuardOptions } from './exchange-guard.ts'
import type { HeldExchange } from './held-exchange.ts'
import { isAftermath } from './is-aftermath.ts'
import { type Limit, routeLimit } from './route-limit.ts'
import { scopeOf } from './scope-of.ts'

export type { WritingGuardOptions as CurfewOptions } from './exchange-guard.ts'
export * from './from-core.ts'
export { scopeOf }

type Next = (error?: unknown) => void

export type { Limit }

/** A middleware of Express and Connect. */
export type Middleware<Req extends IncomingMessage = IncomingMessage> = (
  req: Req,
  res: ServerResponse,
  next: Next,
) => void

/** One that they call for errors alone. */
export type ErrorMiddleware = (error: unknown, req: IncomingMessage, res: ServerResponse, next: Next) => void

/** A middleware with its guard's numbers. */
export type CurfewMiddleware = Middleware & { readonly stats: Stats }

/**
 * Guards everything that comes after it: each request has one ending, by the deadline, whatever the handlers do. `req`
 * and `res` stay the objects that Node made. What a handler writes stays in memory until it ends the response, so that
 * a timeout gives a whole 503: with the headers that middleware before this one set (CORS, a request id), and nothing of
 * the handler's. What the handler writes after that reaches nobody, does not throw, and is counted
 * (`stats.lateWrites`). `flushHeaders()`, an event stream, or more than `maxBytes` make a stream of the response, whose
 * head has then been sent.
 *
 * Errors go to the app's own error handling as ever; {@link recordErrors} tells the guard of them. Under another
 * `curfew()`, or `guardListener()`, it adjusts that one instead: one request, one race.
 *
 * @throws {InvalidOptionError} for an option that is unknown or has a value that it cannot have
 *
 * @example
 * ```ts
 * app.use(cors())
 * app.use(curfew({ timeoutMs: 5_000, onOutcome: (outcome, request) => log(outcome, request) }))
 * app.get('/report', deadline(30_000), async (req, res) => res.json(await report({ signal: scopeOf(req).signal })))
 * app.use(recordErrors())
 * ```
 */
export function curfew(options?: WritingGuardOptions): CurfewMiddleware
export function curfew(options: WritingGuardOptions = {}, ...unmade: unknown[]): CurfewMiddleware {
  checkMade(options, ...unmade)
  const guard = exchangeGuard(options)
  // Nothing is returned: whether a handler is done is seen by what it writes, not by when `next()` comes back.
  const middleware: Middleware = function curfew(req, res, next) {
    guard.run(req, res, () => next())
  }
  return Object.assign(middleware, { stats: guard.stats })
}

/**
 * Gives a route its own deadline: `limit` milliseconds from here, longer or shorter than the guard's, or none. A
 * function decides for each request. Without a guard around it, it is one.
 *
 * @throws {InvalidOptionError} for `NaN`, zero or a negative limit: at once, or into the app's error handling if a
 * function gave it
 *
 * @example
 * ```ts
 * app.get('/report', deadline(30_000), handler)
 * app.get('/events', deadline(false), (req, res) => feed.pipe(res.type('text/event-stream')))
 * app.get('/search', deadline((req: Request) => (req.query.deep ? 20_000 : 2_000)), handler)
 * ```
 */
export function deadline<Req extends IncomingMessage = IncomingMessage>(
  limit: Limit | ((req: Req) => Limit),
): Middleware<Req> {
  const route = routeLimit(limit)
  const alone = curfew(route.alone)

  return (req, res, next) => {
    if (findScope(req)) limited(req, next)
    else alone(req, res, () => limited(req, next))
  }

  function limited(req: Req, next: Next): void {
    try {
      // A request that has ended has no deadline to move, but may well come by.
      scopeOf(req).deadline.set(route.limitFor(req))
    } catch (error) {
      return next(error)
    }
    next()
  }
}

/**
 * Tells the guard what the app throws, or hands to `next(error)`, and passes it on to the app's own error handlers. The
 * request is recorded as `failed` with it if the response is 500 or above, or if there is none because the handler had
 * begun to write: then the client gets a whole 500, as long as nothing has been sent. What an abandoned handler throws is
 * recorded as its end (`onLateSettlement`) and goes no further: there is nobody left to answer. Nor does what only says that
 * a response was closed before its end, by a client that has left, or by a limit for streams.
 *
 * It belongs after the routes and before the app's own error handlers, for Express and Connect call error handlers in
 * their order and tell nobody else what was thrown. Without it all errors still go there, late ones, too (what they then
 * write reaches nobody). But to the guard a 500 is then a response like any other (`completed`), and a connection that
 * Express closes is one that the client has closed.
 *
 * @example
 * ```ts
 * app.use(routes)
 * app.use(recordErrors())
 * app.use((error, req, res, next) => res.status(500).render('sorry'))
 * ```
 */
export function recordErrors(...unmade: never[]): ErrorMiddleware {
  // It would pass for a middleware, and hear of no error: for the compiler as well, if it had no parameters.
  if (unmade.length > 0)
    throw new InvalidOptionError(
      'recordErrors',
      'app.use(recordErrors()), not app.use(recordErrors)',
      unmade[0],
    )
  // Both tell error handlers by their having four parameters.
  return function recordErrors(error, req, res, next) {
    const scope = findScope(req)
    if (scope) {
      const exchange = attachedClient(scope.request) as HeldExchange
      const isAbandoned = scope.reason !== undefined && isWhileHandling(scope.outcome)
      if (isAbandoned) return exchange.handles(error)
      if (isAftermath(error, scope)) return
      if (res.headersSent) exchange.handles(error)
      scope.handledError = error
    }
    next(error)
  }
}

function isWhileHandling(outcome: Outcome | undefined): boolean {
  return outcome !== undefined && 'phase' in outcome && ['handling', 'receiving'].includes(outcome.phase)
}

function findScope(req: IncomingMessage): Scope | undefined {
  return findScopeOf(req as unknown as Request)
}
