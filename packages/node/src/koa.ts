import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2Session, Http2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import { findScope, type Scope, type Stats, scopeOf as scopeOfRequest } from '@curfew/core'
import { checkMade } from './check-made.ts'
import { exchangeGuard, type WritingGuardOptions } from './exchange-guard.ts'
import { isAftermath } from './is-aftermath.ts'
import { type Limit, routeLimit } from './route-limit.ts'

export type { WritingGuardOptions as CurfewOptions } from './exchange-guard.ts'
export * from './from-core.ts'

/** What is used of Koa's context. */
export interface KoaContext {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  body: unknown
  respond?: boolean | undefined
  onerror(error: Error): void
}

export type { Limit }

/** A middleware of Koa. */
export type Middleware<Context extends KoaContext = KoaContext> = (
  ctx: Context,
  next: () => Promise<unknown>,
) => Promise<void>

/** A middleware with its guard's numbers. */
export type CurfewMiddleware = Middleware & { readonly stats: Stats }

/**
 * Guards everything that comes after it: each request has one ending, by the deadline, whatever the middleware inside
 * does. `ctx.req` and `ctx.res` stay the objects that Node made. A timeout reply has the headers that middleware outside
 * set before its `next()` (CORS, a request id), and nothing of what was set inside.
 *
 * Errors take the way that they take without it, once: through the middleware outside to `ctx.onerror` and
 * `app.on('error')`. They are recorded as `failed` when the response is 500 or above.
 *
 * Once the request has ended without its handler (at the deadline, when the client leaves, at a shutdown), the
 * middleware outside goes on at once, as if `next()` had come back: it logs and measures what was really sent, and what
 * it still sets is ignored. What the abandoned middleware inside does after that reaches nobody, does not throw, and is
 * counted (`stats.lateWrites`); how it ends is recorded (`onLateSettlement`). So what works for the handler, a
 * transaction or a connection from a pool, belongs inside. A client that has left is no `error` of the app.
 *
 * Under another `curfew()`, or `guardListener()`, it adjusts that one instead: one request, one race.
 *
 * @throws {InvalidOptionError} for an option that is unknown or has a value that it cannot have
 *
 * @example
 * ```ts
 * app.use(cors())
 * app.use(curfew({ timeoutMs: 5_000, onOutcome: (outcome, request) => log(outcome, request) }))
 * router.get('/report', deadline(30_000), async (ctx) => {
 *   ctx.body = await db.query(sql, { signal: scopeOf(ctx).signal })
 * })
 * ```
 */
export function curfew(options?: WritingGuardOptions): CurfewMiddleware
export function curfew(options: WritingGuardOptions = {}, ...unmade: unknown[]): CurfewMiddleware {
  checkMade(options, ...unmade)
  const guard = exchangeGuard(options)

  const middleware: Middleware = async function curfew(ctx, next) {
    if (findScope(asRequest(ctx))) {
      // All of this is inside the other guard already.
      guard.run(ctx.req, ctx.res, (scope) => follow(ctx, scope))
      await next()
    } else {
      await new Promise<void>((resolve, reject) => {
        const isToRun = guard.run(ctx.req, ctx.res, (scope) => inside(ctx, next, scope, resolve, reject))
        if (isToRun) return
        leave(ctx)
        resolve()
      })
    }
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
 * router.get('/report', deadline(30_000), handler)
 * router.get('/events', deadline(false), events)
 * router.get('/search', deadline((ctx: Koa.Context) => (ctx.query.deep ? 20_000 : 2_000)), handler)
 * ```
 */
export function deadline<Context extends KoaContext = KoaContext>(
  limit: Limit | ((ctx: Context) => Limit),
): Middleware<Context> {
  const route = routeLimit(limit)
  const alone = curfew(route.alone)

  return async (ctx, next) => {
    if (!findScope(asRequest(ctx))) return alone(ctx, () => limited(ctx, next))
    await limited(ctx, next)
  }

  async function limited(ctx: Context, next: () => Promise<unknown>): Promise<void> {
    // A request that has ended has no deadline to move, but may well come by.
    scopeOf(ctx).deadline.set(route.limitFor(ctx))
    await next()
  }
}

/**
 * The scope of the request that is being handled: its `signal` (also `ctx.req.signal`), `deadline` and `waitUntil()`.
 *
 * @throws {NotGuardedError} outside `curfew()`, `deadline()` and `guardListener()`
 *
 * @example
 * ```ts
 * app.use(async (ctx) => {
 *   ctx.body = await db.query(sql, { signal: scopeOf(ctx).signal })
 * })
 * ```
 */
export function scopeOf(ctx: { readonly req: IncomingMessage }): Scope {
  return scopeOfRequest(asRequest(ctx))
}

/** Runs what is inside. It rejects only with what comes too late for those outside, which the guard records. */
async function inside(
  ctx: KoaContext,
  next: () => Promise<unknown>,
  scope: Scope,
  resolve: () => void,
  reject: (error: unknown) => void,
): Promise<void> {
  follow(ctx, scope)
  // It closes once, and `once()` would make as much again.
  ctx.res.on('close', () => {
    // Over HTTP/2 the guard hears of it after this.
    queueMicrotask(() => {
      if (!scope.reason) return
      leave(ctx)
      resolve()
    })
  })
  try {
    await next()
  } catch (error) {
    if (scope.reason) throw error
    scope.handledError = error
    return reject(error)
  }
  resolve()
}

function follow(ctx: KoaContext, scope: Scope): void {
  // Named first, as everywhere: V8 makes a function that is assigned to a property at once old, with all that it can see.
  const ownRouteOf = (): string | undefined => routeOf(ctx)
  scope.routeOf = ownRouteOf
  followErrors(ctx, scope)
}

/** What `@koa/router` says of it; a route can be a regular expression, too. */
function routeOf(ctx: KoaContext): string | undefined {
  const route: unknown = Reflect.get(ctx, '_matchedRoute')
  return typeof route === 'string' ? route : undefined
}

/** The guard has answered, or there is nobody to answer. */
function leave(ctx: KoaContext): void {
  ctx.respond = false
  // What is left there is the handler's, and a stream ends now. Koa sets the status of an empty body as well, unless the head was sent.
  if (ctx.res.headersSent) ctx.body = undefined
}

/** A property, for a WeakSet with an entry for each request is what the garbage collector would then mostly do. */
const isFollowed = Symbol('curfew.followed')

/** All that Koa cannot hand to anybody else comes to `ctx.onerror`, which it looks up then: to fail, or to be told. */
function followErrors(ctx: KoaContext, scope: Scope): void {
  const marked = ctx as KoaContext & { [isFollowed]?: true }
  if (marked[isFollowed]) return
  marked[isFollowed] = true
  const { onerror } = ctx
  const { socket } = ctx.req
  const session = 'stream' in ctx.res ? (ctx.res.stream as Http2Stream).session : undefined
  const ownOnerror = function (this: KoaContext, error: Error): void {
    // Koa comes here at the end of every response, too, with nothing.
    if (error == null) return onerror.call(this, error)
    if (isDisconnect(error, ctx.res, socket, session) || isAftermath(error, scope)) return
    if (!scope.outcome) scope.handledError ??= error
    onerror.call(this, error)
  }
  ctx.onerror = ownOnerror
}

/** Whether it is the very error of this connection, and not of one that the body came from, which breaks it off. */
function isDisconnect(
  error: Error & { code?: unknown },
  response: ServerResponse,
  socket: Socket,
  session: Http2Session | undefined,
): boolean {
  // The errors of a stream of HTTP/2 do not say who broke it off: nobody of this app, if all of its connection is gone.
  if ('stream' in response)
    return (
      error === socket.errored && (error.code === 'ERR_HTTP2_STREAM_ERROR' || session?.destroyed !== false)
    )
  // Node's parser, of a request that was cut off. Writing to its client may have been the first error.
  if (error.code === 'HPE_INVALID_EOF_STATE') return true
  return error === socket.errored && error !== response.errored
}

/** Guards leave the scope with the very object that the handlers have. */
function asRequest(ctx: { readonly req: IncomingMessage }): Request {
  return ctx.req as unknown as Request
}
