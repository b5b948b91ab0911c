import { InvalidOptionError, type Scope, type Stats } from '@curfew/core'
import type { Incoming, Outgoing } from './connection.ts'
import { exchangeGuard, type WritingGuardOptions } from './exchange-guard.ts'

/** A listener of `node:http` or `node:http2` that writes its response by itself; an Express or Connect app is one, too. */
export type ListenerHandler<Req extends Incoming = Incoming, Res extends Outgoing = Outgoing> = (
  request: Req,
  response: Res,
  scope: Scope,
) => unknown

/** A listener of the same shape, with the guard's numbers. */
export interface GuardedListener<Req extends Incoming, Res extends Outgoing> {
  (request: Req, response: Res): void
  readonly stats: Stats
}

/**
 * Gives every request that passes through it exactly one ending, as `guard()` does, where the handler writes into Node's
 * own response. Until the response is ended all of it stays in memory (`maxBytes`, 1 MiB), so that a handler that throws,
 * or is too late, leaves nothing behind: the client gets a whole response, or the guard's. `flushHeaders()`, an event
 * stream, and more than `maxBytes` send what there is and go on as Node does; the outcome says so (`streamed`).
 *
 * After the request has ended otherwise, the handler finds its response closed, as if the client had left. Whatever it
 * still does with it has no effect, throws nothing, and is counted (`stats.lateWrites`).
 *
 * @throws {InvalidOptionError} for an option that is unknown or has a value that it cannot have
 *
 * @example
 * ```ts
 * const listener = guardListener(async (req, res, { signal }) => {
 *   const users = await fetch(url, { signal })
 *   res.setHeader('content-type', 'application/json')
 *   res.end(await users.text())
 * }, { timeoutMs: 5_000 })
 * createServer(listener).listen(3000)
 * ```
 */
export function guardListener<Req extends Incoming = Incoming, Res extends Outgoing = Outgoing>(
  handler: ListenerHandler<Req, Res>,
  options?: WritingGuardOptions,
): GuardedListener<Req, Res> {
  if (typeof handler !== 'function') throw new InvalidOptionError('handler', 'a function', handler)
  const guard = exchangeGuard(options)
  const listener = (request: Req, response: Res): void => {
    guard.run(request, response, (scope) => handler(request, response, scope))
  }
  return Object.assign(listener, { stats: guard.stats })
}
