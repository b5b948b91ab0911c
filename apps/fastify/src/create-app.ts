import { randomUUID } from 'node:crypto'
import { type AppOptions, receipt, routes, sleep } from '@curfew/example-routes'
import { brokenPage, eventStream, largeBody, stalledBody } from '@curfew/example-routes/node'
import { curfew } from '@curfew/node/fastify'
import cors from '@fastify/cors'
import Fastify, { type FastifyInstance } from 'fastify'

/** Routes that each meet a different ending. */
export async function createApp({ limitMs, greeter, ...hooks }: AppOptions): Promise<FastifyInstance> {
  const app = Fastify({ genReqId: () => randomUUID(), bodyLimit: 10 * 1024 * 1024 })
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id)
  })
  await app.register(cors)
  await app.register(curfew, { timeoutMs: limitMs, ...hooks })
  app.addContentTypeParser('*', { parseAs: 'buffer' }, async (_request: unknown, body: Buffer) => body)
  // Fastify would show the message to the client.
  app.setErrorHandler<Error & { statusCode?: number }>(({ statusCode = 500 }, request, reply) =>
    reply.code(statusCode).send({ code: 'HANDLER_FAILED', requestId: request.id }),
  )

  app.get(routes.hello, async () => 'hi')

  // In time.
  app.get(routes.short, async () => {
    await sleep(limitMs / 2)
    return `done after ${limitMs / 2} ms`
  })

  // Too slow. The signal stops the upstream call, too: at the deadline, or when the client leaves.
  app.route<{ Querystring: { name?: string } }>({
    method: ['GET', 'POST'],
    url: routes.long,
    handler: async ({ query: { name = 'world' }, signal }) =>
      greeter.sayHello({ name, delayMs: limitMs * 2.5 }, { signal }),
  })

  // Just as slow as it may be: either ending is right, as long as there is one.
  app.get(routes.boundary, async () => {
    await sleep(limitMs)
    return 'on the line'
  })

  app.get(routes.nocontent, async (_request, reply) => reply.code(204).send())
  app.get(routes.redirect, async (_request, reply) => reply.redirect(routes.hello))

  app.route({
    method: ['GET', 'POST'],
    url: routes.panic,
    handler: async () => {
      throw new Error('secret-of-panic')
    },
  })

  // Ignores its signal, and throws when nobody listens any more.
  app.get(routes.panicLate, async () => {
    await sleep(limitMs * 1.5)
    throw new Error('secret-of-panic-late')
  })

  // Half a page, and then an error. It was kept until the page would have ended, so that nobody sees the half.
  app.get(routes.template, async (_request, reply) => reply.type('text/html').send(brokenPage()))

  app.get(routes.large, async (_request, reply) => reply.send(largeBody()))

  // The type says that it goes out as it is written, and that its deadline is over.
  app.get(routes.events, async (_request, reply) =>
    reply.type('text/event-stream').send(eventStream(limitMs / 20)),
  )

  // A route may take longer than the others.
  app.post<{ Body: Buffer<ArrayBuffer> | undefined }>(
    routes.upload,
    { config: { curfew: limitMs * 10 } },
    async ({ body }) => receipt(body ?? Buffer.alloc(0)),
  )

  // Does everything to its reply that an abandoned handler must not get through.
  app.get(routes.leaky, async (_request, reply) => {
    reply.header('x-leak', 'before').header('set-cookie', 'secret=before')
    await sleep(limitMs * 1.2)
    for (let i = 0; i < 5; i++) {
      reply.header('x-leak', 'after').header('set-cookie', 'secret=after').code(200)
      reply.raw.write('secret-of-leaky')
      await sleep(limitMs / 50)
    }
    return 'secret-of-leaky'
  })

  // A stream that dries up: past `streamIdleMs` the connection is reset, for a clean end would be a lie. It goes out as it
  // is written from its second byte on.
  app.get(
    routes.stalled,
    { config: { curfew: { streamIdleMs: limitMs / 4, maxBytes: 1 } } },
    async (_request, reply) => reply.send(stalledBody()),
  )

  app.get(routes.early, async (_request, reply) => {
    reply.raw.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' })
    return reply.callNotFound()
  })

  app.get(routes.stats, async () => app.curfew.stats)

  return app
}
