import type { IncomingMessage, ServerResponse } from 'node:http'
import { InvalidOptionError, type Scope, type Stats } from '@curfew/core'
import type { Incoming, Outgoing } from './connection.ts'
import { type ExchangeGuard, exchangeGuard, type WritingGuardOptions } from './exchange-guard.ts'

/** A listener of `node:http` or `node:http2` that writes its response by itself; an Express or Connect app is one, too. */
export type ListenerHandler<Req extends Incoming = IncomingMessage, Res extends Outgoing = ServerResponse> = (
  request: Req,
  response: Res,
  scope: Scope,
) => unknown

/** An app of Express or Connect: middleware is put into it, and it is a listener itself. */
export interface ListenerApp {
  (request: IncomingMessage, response: ServerResponse): unknown
  use: unknown
}

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
export function guardListener(
  app: ListenerApp,
  options?: WritingGuardOptions,
): GuardedListener<IncomingMessage, ServerResponse>
export function guardListener<Req extends Incoming = IncomingMessage, Res extends Outgoing = ServerResponse>(
  handler: ListenerHandler<Req, Res>,
  options?: WritingGuardOptions,
): GuardedListener<Req, Res>
export function guardListener(
  handler: WritingListener,
  options?: WritingGuardOptions,
): GuardedListener<Incoming, Outgoing> {
  return guardedBy(exchangeGuard(options), handler)
}

/** Any listener that writes by itself. */
export type WritingListener = (request: never, response: never, scope: Scope) => unknown

/** @throws {InvalidOptionError} for what is no function */
export function refuseNoListener(option: string, handler: unknown): void {
  if (typeof handler === 'function') return
  const expected = 'a function, as app.callback() of Koa and app.routing of Fastify are'
  throw new InvalidOptionError(option, expected, handler)
}

/** Whether it is an app of Express or Connect, which is a function, too. */
export function isApp(handler: object): boolean {
  return 'handle' in handler && 'use' in handler
}

/** @throws {InvalidOptionError} for what is no function */
export function guardedBy(
  guard: ExchangeGuard,
  handler: WritingListener,
): GuardedListener<Incoming, Outgoing> {
  refuseNoListener('handler', handler)
  // The third argument of an app is whom to call for what it does not answer.
  const withoutScope = isApp(handler)

  function listener(this: unknown, request: Incoming, response: Outgoing): void {
    guard.run(request, response, (scope) =>
      Reflect.apply(handler, this, withoutScope ? [request, response] : [request, response, scope]),
    )
  }
  return Object.assign(listener, { stats: guard.stats })
}
