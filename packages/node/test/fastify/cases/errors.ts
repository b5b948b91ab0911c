import type { Case } from '../parity.ts'

const get = (...paths: string[]) => paths.map((path) => ({ path }))

class Teapot extends Error {
  readonly statusCode = 418
  readonly code = 'TEAPOT'
  readonly headers = { 'x-teapot': 'short and stout' }
}

/** Errors, which are Fastify's to answer. */
export const errors: Record<string, Case> = {
  'handlers that throw and reject': {
    app(app) {
      app.get('/throw', () => {
        throw new Error('thrown')
      })
      app.get('/reject', async () => {
        throw new Teapot('rejected')
      })
      app.get('/send', (_request, reply) => reply.send(new Error('sent')))
      app.get('/send-code', (_request, reply) => reply.code(409).send(new Error('conflict')))
      app.get('/later', (_request, reply) => {
        setImmediate(() => reply.code(502).send(new Error('later')))
      })
      app.get('/string', async () => Promise.reject('a string'))
      app.get('/null', async () => Promise.reject(null))
      app.get('/object', async () => Promise.reject({ not: 'an error' }))
      app.get('/after-headers', async (_request, reply) => {
        reply.header('x-inner', '1').header('content-type', 'text/html').code(201)
        throw new Error('after headers')
      })
      app.get('/twice', async (_request, reply) => {
        reply.send('first')
        throw new Error('after the reply')
      })
      app.get('/sent-twice', (_request, reply) => {
        reply.send('first')
        reply.send('second')
      })
    },
    asked: get(
      '/throw',
      '/reject',
      '/send',
      '/send-code',
      '/later',
      '/string',
      '/null',
      '/object',
      '/after-headers',
      '/twice',
      '/sent-twice',
    ),
  },
  'an error handler of the app, of a route and of a plugin': {
    app(app, note) {
      app.setErrorHandler((error: Error, _request, reply) => {
        note(`app ${error.message}`)
        return reply.code(500).send({ handled: error.message })
      })
      app.get('/app', async () => {
        throw new Error('one')
      })
      app.get(
        '/route',
        {
          errorHandler(error, _request, reply) {
            note(`route ${error.message}`)
            reply.code(503).send('route')
          },
        },
        async () => {
          throw new Error('two')
        },
      )
      app.register(async (inner) => {
        inner.setErrorHandler(async (error: Error) => {
          note(`inner ${error.message}`)
          throw new Error(`again ${error.message}`)
        })
        inner.get('/inner', async () => {
          throw new Error('three')
        })
      })
      app.get('/ok', async () => 'ok')
    },
    asked: get('/app', '/route', '/inner', '/ok'),
  },
  'an error handler that throws, and one that is asynchronous': {
    app(app) {
      app.setErrorHandler((error: Error) => {
        throw new Error(`worse: ${error.message}`)
      })
      app.get('/', () => {
        throw new Error('bad')
      })
      app.register(async (inner) => {
        inner.setErrorHandler(async (error: Error, _request, reply) => {
          await new Promise(setImmediate)
          reply.code(500)
          return { later: error.message }
        })
        inner.get('/async', async () => {
          throw new Error('bad')
        })
      })
    },
    asked: get('/', '/async'),
  },
  'handlers for what is not found': {
    app(app) {
      app.setNotFoundHandler({ preHandler: (_request, _reply, done) => done() }, (_request, reply) => {
        reply.code(404).send({ nothing: true })
      })
      app.register(
        async (inner) => {
          inner.setNotFoundHandler((_request, reply) => {
            reply.code(410).send('gone')
          })
          inner.get('/there', async () => 'there')
          inner.get('/calls', (_request, reply) => reply.callNotFound())
        },
        { prefix: '/inner' },
      )
    },
    asked: [
      ...get('/none', '/inner/none', '/inner/there', '/inner/calls'),
      { method: 'POST', path: '/none', body: 'x' },
    ],
  },
  'the default for what is not found, and for URLs that are none': {
    app(app) {
      app.get('/a/:id', async () => 'a')
    },
    asked: get('/none', '/a/%', '/a/b', '/a%ff'),
  },
  'an error in each of the hooks': {
    app(app) {
      app.addHook('onError', (_request, reply, error, done) => {
        reply.header('x-on-error', error.message)
        done()
      })
      const fail = async (): Promise<never> => {
        throw new Error('of a hook')
      }
      app.get('/onRequest', { onRequest: fail }, async () => 'never')
      app.get('/preParsing', { preParsing: fail }, async () => 'never')
      app.get('/preValidation', { preValidation: fail }, async () => 'never')
      app.get('/preHandler', { preHandler: fail }, async () => 'never')
      app.get('/preSerialization', { preSerialization: fail }, async () => ({ never: true }))
      app.get('/onSend', { onSend: fail }, async () => 'never')
      app.get('/onResponse', { onResponse: fail }, async () => 'sent')
      app.get(
        '/callback',
        { preHandler: (_request, _reply, done) => done(new Teapot('callback')) },
        async () => 'never',
      )
      app.get(
        '/sync',
        {
          preHandler: () => {
            throw new Error('sync')
          },
        },
        async () => 'never',
      )
    },
    asked: get(
      '/onRequest',
      '/preParsing',
      '/preValidation',
      '/preHandler',
      '/preSerialization',
      '/onSend',
      '/onResponse',
      '/callback',
      '/sync',
    ),
  },
}
