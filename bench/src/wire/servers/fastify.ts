import { curfew } from '@curfew/node/fastify'
import fastify, { type FastifyServerOptions } from 'fastify'
import { HOST, LIMIT_MS, TEXT, workAt } from '../work.ts'
import { listening, type Servers } from './servers.ts'

async function serve(options: FastifyServerOptions, isGuarded = false): Promise<number> {
  const app = fastify(options)
  if (isGuarded) await app.register(curfew, { timeoutMs: LIMIT_MS })
  app.get('/:work', (request, reply) => {
    const work = workAt(request.url)
    if (work) return work.then(() => TEXT)
    return reply.send(TEXT)
  })
  await app.listen({ port: 0, host: HOST })
  return listening(app.server)
}

export const servers: Servers = {
  bare: () => serve({}),
  handlerTimeout: () => serve({ handlerTimeout: LIMIT_MS } as FastifyServerOptions),
  'curfew()': () => serve({}, true),
}
