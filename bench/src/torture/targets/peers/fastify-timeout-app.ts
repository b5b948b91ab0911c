import fastify, { type FastifyServerOptions } from 'fastify'
import type { Kit, Listening } from '../../kit.ts'
import { HOST, listening } from '../listening.ts'
import { addRoutes, sayWhose } from './fastify-routes.ts'
import { problemType, timeoutBody } from './problem.ts'
import { uncontained } from './uncontained.ts'

export async function fastifyTimeoutApp(kit: Kit, parsed: boolean): Promise<Listening> {
  uncontained()
  const app = fastify({ handlerTimeout: kit.limitMs } as FastifyServerOptions)
  const timedOut = new WeakSet<object>()
  app.setErrorHandler((error: { code?: string; statusCode?: number }, request, reply) => {
    if (timedOut.has(request)) kit.note('an error for who had had a timeout')
    if (error.code !== 'FST_ERR_HANDLER_TIMEOUT') {
      return reply.code(error.statusCode ?? 500).send('failed')
    }
    timedOut.add(request)
    return reply.code(503).type(problemType).send(timeoutBody)
  })
  sayWhose(app)
  addRoutes(app, kit, { parsed, signal: (request) => request.signal })
  await app.listen({ port: kit.port, host: HOST })
  return listening(app.server)
}
