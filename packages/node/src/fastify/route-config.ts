import { InvalidOptionError } from '@curfew/core'
import { type ExchangeGuard, exchangeGuard, type WritingGuardOptions } from '../exchange-guard.ts'

/** Who is let in, and whom the time comes from, is decided before the route is looked at. */
const ofThePlugin = [
  'clock',
  'malformedInbound',
  'maxAbandoned',
  'maxConcurrent',
  'onShedding',
  'rejectionResponse',
  'retryAfterSeconds',
  'shutdown',
  'waitUntil',
  'watch',
] as const

/** What a guard may be told for one route alone. */
export type RouteOptions = Omit<WritingGuardOptions, (typeof ofThePlugin)[number]>

/**
 * What a route says in `config.curfew`: milliseconds for its deadline (`Infinity` for none), several options, or `false`
 * for not being guarded at all: no deadline, no scope, nothing held back, nothing counted.
 */
export type RouteConfig = false | number | RouteOptions

/** What adjusts the guard for a route; `false` if there is to be no guard, `undefined` if there is nothing to adjust. */
export type RouteGuard = ExchangeGuard | false | undefined

/** @throws {InvalidOptionError} for what a route cannot say */
export function routeGuard(config: RouteConfig | undefined): RouteGuard {
  if (config === undefined || config === false) return config
  if (typeof config === 'number') return exchangeGuard({ timeoutMs: config })
  if (typeof config !== 'object' || config === null)
    throw new InvalidOptionError('config.curfew', 'milliseconds, an object of options or false', config)
  for (const name of ofThePlugin) {
    if (name in config)
      throw new InvalidOptionError(name, 'an option of the plugin, not of a route', Reflect.get(config, name))
  }
  return exchangeGuard(config)
}

const known = new WeakMap<object, RouteGuard>()

/** The same, made once for each route: by the object that Fastify keeps its `config` in. */
export function routeGuardOf(config: { curfew?: RouteConfig }): RouteGuard {
  if (!known.has(config)) known.set(config, routeGuard(config.curfew))
  return known.get(config)
}
