import type { Arrival } from './arrival.ts'
import { attachedClient } from './client.ts'
import { contextSlot } from './context-slot.ts'
import { InvalidOptionError } from './errors.ts'
import { isUpgrade } from './is-upgrade.ts'
import { type GuardOptions, type Policy, parseOptions } from './options.ts'
import type { Rejected } from './outcome.ts'
import { type HandlerResult, Race, type Sent } from './race.ts'
import { attachScope, findScope } from './scope.ts'
import type { Stats } from './stats.ts'

/** Any Web-standard handler; what the runtime passes besides the request (`env`, `ctx`, `server`, `info`) stays. */
export type Handler<Rest extends unknown[] = []> = (
  request: Request,
  ...rest: Rest
) => HandlerResult | PromiseLike<HandlerResult>

/** A handler of the same shape, with the guard's numbers. */
export interface Guarded<Rest extends unknown[] = []> {
  (request: Request, ...rest: Rest): Response | Promise<Response>
  readonly stats: Stats
}

/**
 * Gives every request that passes through it exactly one ending: the handler's response, a timeout response at the
 * deadline, nothing for a client that has left, or a 500 for what the handler throws. Afterwards the handler's signal
 * is aborted if the ending was not its own, whatever it still does reaches nobody, and it is recorded once
 * (`onOutcome`, `onLateSettlement`, `stats`). The result never rejects, unless `rethrow` is set.
 *
 * A response that is there when the handler returns is handed on as it is, at once. Under another guard there is still
 * only one race: the inner guard adjusts the outer one's deadline, limits, buffering and replies with what it was
 * explicitly told; who is let in, and how the client is watched, stays the outer one's affair. A request that asks for
 * a WebSocket is not guarded.
 *
 * What it cannot do: stop a synchronous block, for nothing else runs meanwhile.
 *
 * @throws {InvalidOptionError} for an option that is unknown or has a value that it cannot have
 *
 * @example
 * ```ts
 * export default {
 *   fetch: guard(async (request) => {
 *     const upstream = await fetch(url, { signal: request.signal })
 *     return Response.json(await upstream.json())
 *   }, { timeoutMs: 5_000 }),
 * }
 * ```
 */
export function guard<Rest extends unknown[] = []>(
  handler: Handler<Rest>,
  options?: GuardOptions,
): Guarded<Rest> {
  if (typeof handler !== 'function') throw new InvalidOptionError('handler', 'a function', handler)
  const policy = parseOptions(options)
  // One listener for all of them: runtimes search a signal's listeners from the first to the last.
  policy.shutdown?.addEventListener('abort', () => {
    for (const race of [...policy.running!]) race.shutDown()
  })

  function guarded(this: unknown, request: Request, ...rest: Rest): Sent | Promise<Sent> {
    const client = attachedClient(request)
    if (client ? client.upgrading : isUpgrade(request)) return handler.call(this, request, ...rest) as never

    const outer = findScope(request)
    if (outer !== undefined && outer instanceof Race && !outer.outcome) {
      outer.join(policy)
      return handler.call(this, request, ...rest) as never
    }

    const arrival = policy.readArrival?.(request)
    const refusal = client?.cheap && client.closed ? 'client-closed' : refusalFor(policy, arrival)
    const race = new Race(request, policy, client, arrival)
    if (refusal === 'overloaded') policy.shedding?.refused(race)
    if (refusal) return race.refuse(refusal)

    attachScope(request, race, client?.showsSignal)
    try {
      if (contextSlot.enter) return race.start(enter(race, handler, this, request, ...rest))
      return race.start(handler.call(this, request, ...rest))
    } catch (error) {
      return race.caught(error)
    }
  }

  return Object.assign(guarded, { stats: policy.counters }) as Guarded<Rest>
}

/** Apart, because a closure, or an array that others see, costs a request something even where it is not made. */
function enter<Rest extends unknown[]>(
  race: Race,
  handler: Handler<Rest>,
  self: unknown,
  ...args: [Request, ...Rest]
): ReturnType<Handler<Rest>> {
  return contextSlot.enter!(race, () => handler.apply(self, args))
}

function refusalFor(policy: Policy, arrival: Arrival | undefined): Rejected['reason'] | undefined {
  const { counters, maxConcurrent, maxAbandoned } = policy
  if (policy.shutdown?.aborted) return 'shutdown'
  if (arrival?.refusal) return arrival.refusal
  if (counters.active >= maxConcurrent || counters.abandoned >= maxAbandoned) return 'overloaded'
  return undefined
}
