import type { HandlerResult } from '@curfew/core'
import type { BunRequest, BunServer } from './bun-server.ts'

/** What a handler may come back with: nothing, once it has upgraded its request to a WebSocket. */
export type Result = HandlerResult | PromiseLike<HandlerResult>

/**
 * The handler of a route. Written as a method, so that it may be declared with Bun's own types, which know more than
 * those here.
 */
export type RouteHandler<Path extends string = string, Server extends BunServer = BunServer> = {
  handle(request: BunRequest<Path>, server: Server): Result
}['handle']

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE' | 'PATCH' | 'HEAD' | 'OPTIONS'

/**
 * What `Bun.serve()` takes for a path: a handler, one for each method, or what Bun serves by itself (a `Response`, a file,
 * an HTML import, `{ dir }`, `false`), which no guard sees.
 */
export type Route<Path extends string = string, Server extends BunServer = BunServer> =
  | RouteHandler<Path, Server>
  | { readonly [Name in Method]?: RouteHandler<Path, Server> | Response }
  | Response
  | Blob
  | { readonly index: string }
  | { readonly dir: string; readonly statCache?: boolean }
  | false

/** The same routes with every handler in them replaced; what is none is left as it is. */
export function mapHandlers(
  routes: Readonly<Record<string, unknown>>,
  replace: (handler: RouteHandler, path: string) => RouteHandler,
): Record<string, unknown> {
  return mapValues(routes, (route, path) => {
    if (isHandler(route)) return replace(route, path)
    if (!hasHandlers(route)) return route
    return mapValues(route, (handler) => (isHandler(handler) ? replace(handler, path) : handler))
  })
}

function isHandler(value: unknown): value is RouteHandler {
  return typeof value === 'function'
}

function hasHandlers(route: unknown): route is Record<string, unknown> {
  return typeof route === 'object' && route !== null && Object.values(route).some(isHandler)
}

function mapValues(
  record: Readonly<Record<string, unknown>>,
  map: (value: unknown, key: string) => unknown,
): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value, key)]))
}
