import { AsyncLocalStorage } from 'node:async_hooks'
import type { Scope } from '@curfew/core'
import type { Context } from 'hono'

/** Tells code that the guard called from code around it: both hold the same `c`. */
const inside = new AsyncLocalStorage<{ readonly c: Context; readonly scope: Scope }>()

/** Runs what is inside the guard, such that its writes can be told from others for as long as it lives. */
export function runInside<T>(c: Context, scope: Scope, work: () => T): T {
  return inside.run({ c, scope }, work)
}

/** The scope of `c`, if the code that runs right now is inside its guard. */
export function scopeInside(c: Context): Scope | undefined {
  const store = inside.getStore()
  return store?.c === c ? store.scope : undefined
}

/** What had been set on `c` before the guard was entered. */
export interface Before {
  readonly status: number
  readonly headers: Headers
}

/** Asks `c` for an empty response, because `c.res` would make one that stays. */
export function before(c: Context): Before {
  const { status, headers } = c.body(null)
  return { status, headers: new Headers(headers) }
}

/**
 * Makes `reply` the response of `c`, as if what ran inside had never touched it: with the headers of `before`, and
 * deaf to all that comes from inside later. A late `c.header()`, `c.status()`, `c.set()`, `c.res = …` or
 * `c.res.headers.set()` goes nowhere, a late throw runs no `onError`, and no further handler starts.
 */
export function takeOver(
  c: Context,
  scope: Scope | undefined,
  reply: Response,
  { status, headers }: Before,
): void {
  c.status(status as 200)
  replace(c, withHeaders(reply, headers))
  if (scope) shut(c, scope)
}

/** Setting `c.res` merges the headers of the response that is there, so that one has to go first. */
export function replace(c: Context, response: Response | undefined): void {
  c.res = undefined
  c.res = response
}

/** Takes back the response that was about to be sent, so that an error handler starts from `before`. */
export function takeBack(c: Context, { headers }: Before): void {
  replace(c, undefined)
  // Without this Hono would look for the response that is gone.
  c.finalized = false
  for (const [name, value] of headers) c.header(name, value, { append: name === 'set-cookie' })
}

function withHeaders(reply: Response, headers: Headers): Response {
  try {
    for (const [name, value] of headers) {
      if (name === 'set-cookie') reply.headers.append(name, value)
      else if (name !== 'content-type' && name !== 'content-length') reply.headers.set(name, value)
    }
    return reply
  } catch {
    // The headers of a redirect, or of what fetch() gave, cannot be changed.
    return withHeaders(new Response(reply.body, reply), headers)
  }
}

function shut(c: Context, scope: Scope): void {
  const late = (): boolean => {
    const isLate = scopeInside(c) === scope
    if (isLate) scope.lateWrite()
    return isLate
  }

  for (const name of ['header', 'status', 'set', 'setLayout', 'setRenderer'] as const) {
    const method = c[name] as (...args: unknown[]) => unknown
    Object.assign(c, { [name]: (...args: unknown[]) => (late() ? undefined : method(...args)) })
  }

  const { get, set } = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(c), 'res')!
  let decoy = new Response(null)
  Object.defineProperty(c, 'res', {
    configurable: true,
    get: () => (late() ? decoy : get!.call(c)),
    set(response) {
      if (late()) decoy = response
      else set!.call(c, response)
    },
  })

  // Hono notes the error before it calls onError, and the route before it calls a handler: throwing there keeps it
  // from calling either, and hands the error on to whoever waits, which in the end is the guard.
  let error = c.error
  Object.defineProperty(c, 'error', {
    configurable: true,
    get: () => error,
    set(thrown) {
      if (late()) throw thrown
      error = thrown
    },
  })
  let { routeIndex } = c.req
  Object.defineProperty(c.req, 'routeIndex', {
    configurable: true,
    get: () => routeIndex,
    set(index) {
      if (scopeInside(c) === scope) throw scope.reason
      routeIndex = index
    },
  })
}
