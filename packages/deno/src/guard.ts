import {
  type Guarded,
  type GuardOptions,
  guard as guardHandler,
  type HandlerResult,
  problem,
} from '@curfew/core'
import { answering } from './answering.ts'
import type { ServeInfo } from './runtime.ts'

/**
 * The guard of the core for a handler that Deno calls with `(request, info)`, both of which it gets as they are. A client
 * that leaves is told from a response that was delivered, for which Deno aborts its signal, too; and no timeout, no
 * failure and no refusal can stop the server in the middle of an upgrade.
 *
 * @throws {InvalidOptionError} for an option that is unknown or has a value that it cannot have
 *
 * @example
 * ```ts
 * Deno.serve(guard(async (request, info) => {
 *   const upstream = await fetch(url, { signal: request.signal })
 *   return Response.json({ for: info.remoteAddr.hostname, said: await upstream.json() })
 * }, { timeoutMs: 5_000 }))
 * ```
 */
export function guard<Info extends ServeInfo<unknown> = ServeInfo>(
  handler: (request: Request, info: Info) => HandlerResult | PromiseLike<HandlerResult>,
  options?: GuardOptions,
): Guarded<[info: Info]> {
  const guarded = guardHandler<[info: Info]>(handler, options)
  return Object.assign(answering(guarded, upgradeFailed), { stats: guarded.stats })
}

/** What `rethrow` hands on is Deno's to log, but it must not get there. */
function upgradeFailed(error: unknown): Response {
  console.error(error)
  return problem(500, 'HANDLER_FAILED')
}
