import { Readable } from 'node:stream'
import { curfew, scopeOf } from '@curfew/node/fastify'
import fastify from 'fastify'
import { idOf, type Serve } from '../kit.ts'
import { contained } from './contained.ts'
import { HOST, listening } from './listening.ts'

export const serve: Serve = async (kit) => {
  contained(kit)
  const app = fastify()
  app.addHook('onRequest', async (request, reply) => {
    void reply.header('x-id', idOf(request.url))
  })
  await app.register(curfew, kit.guard)
  // The handler reads it, or does not.
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload))
  app.all('/*', async (request, reply) => {
    const asked = {
      get signal() {
        return scopeOf(request).signal
      },
      body: () => request.raw,
    }
    const { status, body, atOnce } = await kit.answer(asked, request.url)
    // An event stream is what does not wait for its end.
    void reply.code(status).type(atOnce ? 'text/event-stream' : 'text/plain')
    return reply.send(typeof body === 'string' ? body : Readable.from(body))
  })
  await app.listen({ port: kit.port, host: HOST })
  return listening(app.server, app.curfew.stats)
}
