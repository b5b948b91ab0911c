import { curfew, scopeOf } from '@curfew/node/fastify'
import fastify from 'fastify'
import type { Serve } from '../../kit.ts'
import { contained } from '../contained.ts'
import { HOST, listening } from '../listening.ts'
import { addRoutes, sayWhose } from './fastify-routes.ts'

export const serve: Serve = async (kit) => {
  contained(kit)
  const app = fastify()
  sayWhose(app)
  await app.register(curfew, kit.guard)
  addRoutes(app, kit, { parsed: true, signal: (request) => scopeOf(request).signal })
  await app.listen({ port: kit.port, host: HOST })
  return listening(app.server, app.curfew.stats)
}
