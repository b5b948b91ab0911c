import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { idOf, type Kit } from '../../kit.ts'

export interface FastifyRoutes {
  signal(request: FastifyRequest): AbortSignal
  /** Whether Fastify reads bodies before the handler, as it does with those that it knows. */
  readonly parsed: boolean
}

export function sayWhose(app: FastifyInstance): void {
  app.addHook('onRequest', async (request, reply) => {
    void reply.header('x-id', idOf(request.url))
  })
}

export function addRoutes(app: FastifyInstance, kit: Kit, { signal, parsed }: FastifyRoutes): void {
  if (parsed) app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  else app.addContentTypeParser('*', (_request, payload, done) => done(null, payload))

  app.all('/*', async (request, reply) => {
    const asked = {
      get signal() {
        return signal(request)
      },
      body: () => (parsed ? Readable.from(request.body ? [request.body] : []) : request.raw),
    }
    const { status, body, atOnce } = await kit.answer(asked, request.url)
    void reply.code(status).type(atOnce ? 'text/event-stream' : 'text/plain')
    return reply.send(typeof body === 'string' ? body : Readable.from(body))
  })
}
