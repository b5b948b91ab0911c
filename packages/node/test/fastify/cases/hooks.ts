import { AsyncLocalStorage } from 'node:async_hooks'
import type { Case } from '../parity.ts'

const store = new AsyncLocalStorage<string>()

/** What runs around a handler. */
export const hooks: Record<string, Case> = {
  'all hooks, in their order, once': {
    app(app, note) {
      app.addHook('onRequest', async (request) => note(`onRequest ${request.url}`))
      app.addHook('preParsing', async () => note('preParsing'))
      app.addHook('preValidation', (_request, _reply, done) => {
        note('preValidation')
        setImmediate(done)
      })
      app.addHook('preHandler', async () => note('preHandler'))
      app.addHook('preSerialization', async (_request, _reply, payload: object) => {
        note('preSerialization')
        return { ...payload, added: true }
      })
      app.addHook('onSend', async (_request, reply, payload) => {
        note(`onSend ${typeof payload}`)
        reply.header('x-on-send', '1')
        return payload
      })
      app.addHook('onError', async (_request, _reply, error) => note(`onError ${error.message}`))
      app.addHook('onResponse', async (_request, reply) =>
        note(`onResponse ${reply.statusCode} ${reply.sent}`),
      )
      app.get('/', async () => ({ a: 1 }))
      app.post('/', async (request) => ({ body: request.body }))
      app.get('/error', async () => {
        throw new Error('noted')
      })
    },
    asked: [
      { path: '/' },
      { method: 'POST', path: '/', headers: { 'content-type': 'application/json' }, body: '{"b":2}' },
      { path: '/error' },
      { path: '/none' },
    ],
  },
  'hooks that reply instead of the handler': {
    app(app, note) {
      app.addHook('onResponse', async (_request, reply) => note(`onResponse ${reply.statusCode}`))
      app.get('/callback', { onRequest: (_request, reply) => void reply.code(401).send('no') }, async () => {
        note('never')
      })
      app.get(
        '/async',
        {
          preHandler: async (_request, reply) => {
            reply.code(403).send({ no: true })
            return reply
          },
        },
        async () => {
          note('never')
        },
      )
      app.get(
        '/later',
        { preValidation: (_request, reply) => void setImmediate(() => reply.send('later')) },
        async () => {
          note('never')
        },
      )
    },
    asked: [{ path: '/callback' }, { path: '/async' }, { path: '/later' }],
  },
  'a payload that onSend replaces': {
    app(app) {
      app.get('/string', { onSend: async () => 'another' }, async () => 'one')
      app.get('/null', { onSend: async () => null }, async () => 'one')
      app.get(
        '/length',
        {
          onSend: async (_request, reply, payload) => {
            reply.removeHeader('content-length')
            return `${payload} and more`
          },
        },
        async () => 'one',
      )
    },
    asked: [{ path: '/string' }, { path: '/null' }, { path: '/length' }],
  },
  'the async context of a request': {
    app(app) {
      app.addHook('onRequest', (request, _reply, done) => store.run(request.id, done))
      app.get('/', async (request) => {
        await new Promise(setImmediate)
        return { same: store.getStore() === request.id }
      })
      app.post('/', async (request) => ({ same: store.getStore() === request.id }))
    },
    asked: [
      { path: '/' },
      { method: 'POST', path: '/', headers: { 'content-type': 'text/plain' }, body: 'x' },
    ],
  },
  'what a request and a reply say of themselves': {
    app(app, note) {
      app.decorateRequest('user', '')
      app.decorateReply('tell', function (this: { code(status: number): { send(body: string): void } }) {
        this.code(202).send('told')
      } as never)
      app.addHook('onRequest', async (request) => {
        Reflect.set(request, 'user', 'somebody')
      })
      app.get('/:id', function (request, reply) {
        note(`${request.method} ${request.url} ${request.hostname} ${JSON.stringify(request.params)}`)
        note(`${request.routeOptions.url} ${request.routeOptions.method} ${request.is404} ${this === app}`)
        note(`${Reflect.get(request, 'user')} ${reply.sent} ${reply.statusCode} ${reply.raw.headersSent}`)
        ;(Reflect.get(reply, 'tell') as () => void).call(reply)
        note(`${reply.sent} ${reply.statusCode} ${reply.raw.headersSent} ${reply.raw.writableEnded}`)
      })
    },
    asked: [{ path: '/1?a=b' }],
  },
  'await reply, return reply, and then': {
    app(app, note) {
      app.get('/await', async (_request, reply) => {
        setImmediate(() => reply.send('awaited'))
        await reply
        note('awaited')
      })
      app.get('/return', async (_request, reply) => {
        setImmediate(() => reply.send('returned'))
        return reply
      })
      app.get('/sync-return', (_request, reply) => {
        setImmediate(() => reply.send('later'))
        return reply
      })
      // biome-ignore lint/suspicious/noThenProperty: it is what the case is about
      app.get('/thenable', () => ({ then: (resolve: (value: string) => void) => resolve('thenable') }))
    },
    asked: [{ path: '/await' }, { path: '/return' }, { path: '/sync-return' }, { path: '/thenable' }],
  },
}
