import { InvalidOptionError } from '@curfew/core'
import type { WritingGuardOptions } from './exchange-guard.ts'

/** A limit in milliseconds; `false` or `Infinity` for none. */
export type Limit = number | false

/** What a route says of its deadline. */
export interface RouteLimit<Context> {
  limitFor(context: Context): Limit
  /** For the guard that the route is, where there is none around it. */
  readonly alone: WritingGuardOptions
}

/** @throws {InvalidOptionError} for no limit at all */
export function routeLimit<Context>(limit: Limit | ((context: Context) => Limit)): RouteLimit<Context> {
  if (limit === undefined) {
    throw new InvalidOptionError('timeoutMs', 'milliseconds, false or a function', limit)
  }
  if (typeof limit === 'function') return { limitFor: limit, alone: {} }
  return { limitFor: () => limit, alone: { timeoutMs: limit } }
}
