import type { Case } from '../parity.ts'

const json = { 'content-type': 'application/json' }
const post = (body: string, headers: Record<string, string> = json, path = '/') => ({
  method: 'POST',
  path,
  headers,
  body,
})

/** What is sent with a request. */
export const requests: Record<string, Case> = {
  'bodies that are parsed, too large, of an unknown type, and none': {
    options: { bodyLimit: 20 },
    app(app) {
      app.post('/', async (request) => ({ body: request.body ?? null }))
      app.put('/', async (request) => ({ body: request.body ?? null }))
      app.delete('/', async (request) => ({ body: request.body ?? null }))
    },
    asked: [
      post('{"a":1}'),
      post('plain', { 'content-type': 'text/plain' }),
      post('{"a":'),
      post(''),
      post('<a/>', { 'content-type': 'application/xml' }),
      post('x', { 'content-type': ';;;' }),
      post('{"__proto__":{}}'),
      post('{"a":"0123456789012345678901234567890"}'),
      post('{"a":1}'),
      { method: 'PUT', headers: json, body: '[1]' },
      { method: 'DELETE', headers: json, body: '{}' },
      { method: 'DELETE' },
      { method: 'POST' },
    ],
  },
  'parsers of the app': {
    app(app) {
      app.addContentTypeParser('application/x-lines', { parseAs: 'string' }, (_request, body, done) => {
        done(null, String(body).split('\n'))
      })
      app.addContentTypeParser(
        'application/x-stream',
        async (_request: unknown, payload: AsyncIterable<Buffer>) => {
          let length = 0
          for await (const chunk of payload) length += chunk.length
          return { length }
        },
      )
      app.addContentTypeParser('application/x-bad', (_request, _payload, done) =>
        done(new Error('bad'), undefined),
      )
      app.post('/', async (request) => ({ body: request.body }))
    },
    asked: [
      post('a\nb', { 'content-type': 'application/x-lines' }),
      post('x'.repeat(100_000), { 'content-type': 'application/x-stream' }),
      post('x', { 'content-type': 'application/x-bad' }),
    ],
  },
  'a chunked upload, and one that expects to be let in': {
    http1: true,
    app(app) {
      app.post('/', async (request) => ({ body: request.body }))
    },
    asked: [
      post('7\r\n{"a":1}\r\n0\r\n\r\n', { ...json, 'transfer-encoding': 'chunked' }),
      post('{"a":1}', { ...json, expect: '100-continue' }),
      post('{"a":1}', { ...json, connection: 'close' }),
      post('{"a":1}'),
    ],
  },
  'what does not validate': {
    app(app) {
      const schema = {
        body: { type: 'object', required: ['a'], properties: { a: { type: 'integer' } } },
        querystring: { type: 'object', properties: { q: { type: 'integer' } } },
      }
      app.post('/', { schema }, async (request) => ({ body: request.body, query: request.query }))
      app.post('/attached', { schema, attachValidation: true }, async (request) => ({
        error: request.validationError?.message ?? null,
      }))
    },
    asked: [
      post('{"a":1}'),
      post('{"a":"1"}', json, '/?q=3'),
      post('{}'),
      post('{"a":1}', json, '/?q=x'),
      post('{}', json, '/attached'),
    ],
  },
  'a request whose body nobody reads': {
    app(app) {
      app.addContentTypeParser('application/x-unread', (_request, _payload, done) => done(null, 'unread'))
      app.post('/', async () => 'unread')
      app.get('/', async () => 'next')
    },
    asked: [post('x'.repeat(1_000), { 'content-type': 'application/x-unread' }), {}],
  },
  'HTTP/1.0, and connections that close': {
    http1: true,
    app(app) {
      app.get('/', async () => 'ok')
      app.get('/close', (_request, reply) => reply.header('connection', 'close').send('closed'))
    },
    asked: [
      { headers: { connection: 'keep-alive' } },
      { headers: { connection: 'close' } },
      { path: '/close' },
      {},
    ],
  },
  'one route for all methods, and versions': {
    app(app) {
      app.all('/all', async (request) => request.method)
      app.get('/version', { constraints: { version: '1.2.0' } }, async () => 'one')
      app.get('/version', { constraints: { version: '2.0.0' } }, async () => 'two')
    },
    asked: [
      ...['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD'].map((method) => ({
        method,
        path: '/all',
      })),
      { path: '/version', headers: { 'accept-version': '1.x' } },
      { path: '/version', headers: { 'accept-version': '2.0.0' } },
      { path: '/version', headers: { 'accept-version': '3.x' } },
    ],
  },
}
