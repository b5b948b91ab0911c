import {
  findScope,
  type GuardOptions,
  guard,
  type HandlerResult,
  NoResponseError,
  type Stats,
} from '@curfew/core'
import { attachClient, attachedClient, EdgeClient, isWorkerd } from '@curfew/core/adapter'
import type { Context, MiddlewareHandler, Next } from 'hono'
import {
  executionContextOf,
  type Pass,
  passOn,
  replace,
  restore,
  runInside,
  scopeInside,
  takeBack,
  takeOver,
  withHeaders,
} from './isolation.ts'

/** A middleware with its guard's numbers. */
export type CurfewMiddleware = MiddlewareHandler & { readonly stats: Stats }

/**
 * Guards everything that comes after it: each request has one ending, by the deadline, whatever the handlers do. What
 * middleware before it set (CORS, a request id) is in every reply; what handlers set before a timeout, or do to `c`
 * after it, is in none. Errors go to `app.onError` as ever, and are recorded as `failed` when that answers 500 or
 * above; with `rethrow: false` what even that does not catch is answered here.
 *
 * Under another `curfew()`, or a guarded `serve()`, it adjusts that one instead: one request, one race.
 *
 * @throws {InvalidOptionError} for an option that is unknown or has a value that it cannot have
 *
 * @example
 * ```ts
 * app.use(cors())
 * app.use(curfew({ timeoutMs: 5_000, onOutcome: (outcome, request) => log(outcome, request) }))
 * app.get('/report', deadline(30_000), async (c) => c.json(await db.query(sql, { signal: c.req.raw.signal })))
 * ```
 */
export function curfew(options: GuardOptions = {}): CurfewMiddleware {
  const isObject = typeof options === 'object' && options !== null && !Array.isArray(options)
  const guarded = guard(inside, isObject ? { rethrow: true, ...options } : options)

  async function middleware(c: Context, next: Next): Promise<void> {
    const pass = passOn(c)
    // Body limits put another request into `c.req.raw`, but the race that is on is that of the first.
    const request = scopeInside(c)?.request ?? withClient(c)
    try {
      respond(pass, await guarded(request, pass, next))
    } catch (error) {
      // Hono says by itself what a handler forgot.
      if (error instanceof NoResponseError && !c.finalized) return
      const { scope } = pass
      // The handler is still at work, and `app.onError` is about to answer in its place.
      if (scope?.outcome && 'escaped' in scope.outcome) takeBack(pass, scope)
      // The handler's response is not to be sent after all: its body broke while it was being buffered.
      else if (c.finalized && !scope?.reason) restore(pass)
      throw error
    }
  }

  return Object.assign(middleware, { stats: guarded.stats })
}

/**
 * The request, with the client that an adapter attached to its first object, or to what goes out to it. On Workers an
 * app is what they call, so there it has a client without any adapter.
 */
function withClient(c: Context): Request {
  const { raw } = c.req
  if (attachedClient(raw)) return raw
  const client = isWorkerd
    ? new EdgeClient(raw, executionContextOf(c))
    : c.env?.outgoing && attachedClient(c.env.outgoing)
  if (client) attachClient(raw, client)
  return raw
}

function inside(request: Request, pass: Pass, next: Next): Promise<HandlerResult> {
  const { c } = pass
  const scope = findScope(request)
  const answered = (): HandlerResult => {
    // Hono has made a response of what was thrown.
    if (scope) scope.handledError = c.error
    return c.finalized ? c.res : undefined
  }
  return scope ? runInside(pass, scope, () => next().then(answered)) : next().then(answered)
}

/** Puts the response of the race where Hono looks for it. */
function respond(pass: Pass, response: Response | undefined): void {
  const { c, scope } = pass
  if (!response || (c.finalized && response === c.res)) return
  const { outcome, reason, handledError } = scope ?? {}
  const fromHandler =
    outcome?.kind === 'completed' || (outcome?.kind === 'failed' && handledError !== undefined)
  if (!fromHandler || reason) takeOver(pass, response)
  else if (c.finalized) replace(c, response)
  else c.res = withHeaders(response, pass)
}
