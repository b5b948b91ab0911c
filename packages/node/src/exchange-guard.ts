import {
  findScope,
  type GuardOptions,
  guard,
  type HandlerResult,
  InvalidOptionError,
  type Scope,
  type Stats,
} from '@curfew/core'
import { attachClient, attachedClient, attachScope, optionNames } from '@curfew/core/adapter'
import type { Connection, Incoming, Outgoing } from './connection.ts'
import { HeldExchange, type WritingHandler } from './held-exchange.ts'
import { IncomingRequest } from './incoming-request.ts'
import { OpenConnections } from './open-connections.ts'

/**
 * What a guard of handlers that write their response by themselves may be told. Such a response is always buffered, up to
 * `maxBytes` (1 MiB); past that it goes out as it is written, unless `overflow` is `'fail'`.
 */
export type WritingGuardOptions = Omit<GuardOptions, 'buffer' | 'rethrow' | 'serverTiming'>

/** Guards exchanges in place: what the handler, and everybody else, goes on using are the very objects that Node made. */
export interface ExchangeGuard {
  /**
   * Runs `handler` at once, as a guarded exchange. Gives `false` if it does not run, because the request is refused: then
   * that has been answered. What the handler throws, or rejects with, fails the request; a promise that it returns says
   * when a handler that was abandoned is done. Under another guard it joins that one's race.
   */
  run(incoming: Incoming, outgoing: Outgoing, handler: WritingHandler): boolean
  readonly stats: Stats
}

/**
 * @param open where exchanges are kept until they are over
 * @throws {InvalidOptionError} for an option that is unknown, means nothing here, or has a value that it cannot have
 */
export function exchangeGuard(
  options: WritingGuardOptions = {},
  open: OpenConnections = new OpenConnections(),
): ExchangeGuard {
  refuse(options)
  const guarded = guard(
    (request: Request, run: (scope: Scope) => ReturnType<HeldExchange['run']> | undefined) =>
      run(findScope(request)!) as HandlerResult,
    options,
  )

  function run(incoming: Incoming, outgoing: Outgoing, handler: WritingHandler): boolean {
    const outer = findScope(incoming as never)
    if (outer) {
      const exchange = attachedClient(outer.request) as HeldExchange
      // An abandoned handler may come to the next guard, too.
      if (outer.outcome) exchange.follow(handler(outer))
      else void guarded(outer.request, (scope) => void exchange.follow(handler(scope)))
      return true
    }
    const request = new IncomingRequest(incoming) as unknown as Request
    // The server may have followed it until now.
    const followed = attachedClient(incoming) as Connection | undefined
    const exchange = new HeldExchange(incoming, outgoing, followed?.handOver() ?? open)
    attachClient(request, exchange)
    let isLetIn = false
    void guarded(request, (scope) => {
      isLetIn = true
      attachScope(incoming as never, scope)
      return exchange.run(scope, handler)
    })
    return isLetIn
  }

  return { run, stats: guarded.stats }
}

/**
 * For frameworks that notice by themselves that a response cannot be completed. As long as nothing of it has been sent, the
 * guard answers instead, with a 500; after that the connection is reset. It is recorded as failed.
 */
export function giveUp(scope: Scope, error: unknown): void {
  const client = attachedClient(scope.request)
  if (client instanceof HeldExchange) client.onGiveUp(error)
}

/** What is not refused here, `guard()` looks at. */
function refuse(options: object): void {
  if (typeof options !== 'object' || options === null) return
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || isMeant(name)) continue
    const expected = optionNames.some((known) => known === name)
      ? 'nothing, for the handler writes by itself'
      : `one of ${optionNames.filter(isMeant).join(', ')}`
    throw new InvalidOptionError(name, expected, value)
  }
}

/** Whether it is an option that has a meaning for handlers that write by themselves. */
function isMeant(name: string): boolean {
  return optionNames.some((known) => known === name) && !meaningless.includes(name)
}

const meaningless: readonly string[] = ['buffer', 'rethrow', 'serverTiming'] satisfies (keyof GuardOptions)[]
