import type { Scope } from '@curfew/core'
import type { Curfew } from './fastify/curfew.ts'
import type { RouteConfig } from './fastify/route-config.ts'

export { type Curfew, type CurfewOptions, curfew, curfew as default } from './fastify/curfew.ts'
export type { RouteConfig, RouteOptions } from './fastify/route-config.ts'
export { scopeOf } from './fastify/scope-of.ts'
export * from './from-core.ts'

declare module 'fastify' {
  interface FastifyInstance {
    curfew: Curfew
  }
  interface FastifyRequest {
    /** The scope of the request; `null` where the route has opted out (`config: { curfew: false }`). */
    curfew: Scope | null
  }
  interface FastifyContextConfig {
    /**
     * What holds for this route alone: milliseconds (`Infinity` for no deadline), several options, or `false` for a
     * route that is not guarded at all.
     */
    curfew?: RouteConfig
  }
}
