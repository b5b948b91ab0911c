import { guard as coreGuard, type Guarded, type GuardOptions, type Handler } from '@curfew/core'
import { attachClient, attachedClient, EdgeClient } from '@curfew/core/adapter'
import { executionContextIn } from './execution-context-in.ts'
import { seesDisconnects } from './sees-disconnects.ts'

/**
 * `guard()` of `@curfew/core` for handlers that an edge calls: `(request, env, ctx)` on Workers, `(request, context)`,
 * `(request, event)`, or `(request)` alone in a Durable Object. All of it is handed on. What goes on after the response
 * (an abandoned handler, `scope.waitUntil()`, hooks, reports) is handed to the `waitUntil` of the last argument that has
 * one; without one the runtime may drop it. It may be made at module scope.
 *
 * Workers drop a handler with its client, without a word. So a handler that is still at work when it returns is handed
 * to `waitUntil` as well: it has its ending, and is counted, whoever leaves. Clients are seen to leave where
 * {@link seesDisconnects} says so; elsewhere there are timeouts only, and `watch: 'eager'` warns once.
 *
 * Reports have the place where Cloudflare handles the request (`cf.colo`) as their region.
 *
 * @throws {InvalidOptionError} for an option that is unknown or has a value that it cannot have
 *
 * @example
 * ```ts
 * export default {
 *   fetch: guard<[Env, ExecutionContext]>(async (request, env) => {
 *     const found = await env.DB.prepare(sql).first()
 *     return Response.json(found)
 *   }, { timeoutMs: 5_000 }),
 * } satisfies ExportedHandler<Env>
 * ```
 */
export function guard<Rest extends unknown[] = []>(
  handler: Handler<Rest>,
  options?: GuardOptions,
): Guarded<Rest> {
  const guarded = coreGuard(handler, options)
  if (options?.watch === 'eager') warnOfBlindness()

  function onEdge(this: unknown, request: Request, ...rest: Rest): Response | Promise<Response> {
    if (!attachedClient(request)) {
      attachClient(request, new EdgeClient(request, executionContextIn(rest)))
    }
    return guarded.call(this, request, ...rest)
  }

  return Object.assign(onEdge, { stats: guarded.stats })
}

let hasWarned = false

function warnOfBlindness(): void {
  if (hasWarned || seesDisconnects() !== false) return
  hasWarned = true
  console.warn(
    "Curfew cannot see clients leave, in spite of watch: 'eager': the compatibility flag enable_request_signal is off",
  )
}
