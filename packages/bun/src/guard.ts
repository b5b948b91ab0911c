import {
  guard as coreGuard,
  findScope,
  type GuardOptions,
  InvalidOptionError,
  type Stats,
} from '@curfew/core'
import { attachClient, attachedClient, splitOptions } from '@curfew/core/adapter'
import { BunClient, keepCookiesBack, type Served } from './bun-client.ts'
import type { BunServer } from './bun-server.ts'
import type { Result } from './routes.ts'

/** The options of a guard, and what it has to know of the server. */
export interface BunGuardOptions extends GuardOptions {
  /** What `Bun.serve()` was told: seconds, 0 for none. Bun's own default, 10, is the default here. */
  idleTimeout?: number
}

/** A handler of the same shape, with the guard's numbers. */
export interface Guarded<Asked extends Request = Request, Server extends BunServer = BunServer> {
  (request: Asked, server?: Server): Response | Promise<Response>
  readonly stats: Stats
}

export const DEFAULT_IDLE_TIMEOUT = 10
const MAX_IDLE_TIMEOUT = 255

/**
 * The core's guard for handlers of `Bun.serve()`: its `fetch`, or those of its `routes`. Request and server are passed as
 * they are, so that `server.upgrade(request)`, `request.params` and `request.cookies` work. While a guard follows a
 * request, Bun's idle timeout does not cut it off; afterwards the connection has the idle timeout that it had.
 *
 * @throws {InvalidOptionError} for an option that is unknown or has a value that it cannot have
 *
 * @example
 * ```ts
 * Bun.serve({ fetch: guard(async (request, server) => new Response('hello'), { timeoutMs: 5_000 }) })
 * ```
 */
export function guard<Asked extends Request = Request, Server extends BunServer = BunServer>(
  handler: (request: Asked, server: Server) => Result,
  options: BunGuardOptions = {},
): Guarded<Asked, Server> {
  if (typeof handler !== 'function') throw new InvalidOptionError('handler', 'a function', handler)
  const { own, guardOptions } = splitOptions(options, ['idleTimeout'])
  const served: Served = { idleTimeout: checkedIdleTimeout(own.idleTimeout), websockets: true }
  const run = coreGuard(function (this: unknown, request: Request, server: Server) {
    if (findScope(request)) keepCookiesBack(request)
    return handler.call(this, request as Asked, server)
  }, guardOptions)

  function guarded(this: unknown, request: Asked, server?: Server): Response | Promise<Response> {
    if (!attachedClient(request)) attachClient(request, new BunClient(request, server, served))
    return run.call(this, request, server as Server)
  }
  return Object.assign(guarded, { stats: run.stats })
}

/** @throws {InvalidOptionError} for what is no idle timeout of Bun's */
export function checkedIdleTimeout(seconds: number = DEFAULT_IDLE_TIMEOUT): number {
  if (Number.isInteger(seconds) && seconds >= 0 && seconds <= MAX_IDLE_TIMEOUT) return seconds
  throw new InvalidOptionError('idleTimeout', 'a whole number of seconds from 0 to 255', seconds)
}
