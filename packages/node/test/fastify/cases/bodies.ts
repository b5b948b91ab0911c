import { Readable } from 'node:stream'
import type { Case } from '../parity.ts'

const get = (...paths: string[]) => paths.map((path) => ({ path }))

/** Everything that can be given to `reply.send()`, or returned. */
export const bodies: Record<string, Case> = {
  'strings, buffers and typed arrays': {
    app(app) {
      app.get('/string', (_request, reply) => reply.send('plain'))
      app.get('/buffer', (_request, reply) => reply.send(Buffer.from([0, 1, 2, 250])))
      app.get('/array', (_request, reply) => reply.send(new Uint16Array([1, 2, 3])))
      app.get('/html', (_request, reply) => reply.type('text/html').send('<p>'))
      app.get('/returned', async () => 'returned')
      app.get('/empty', async () => '')
    },
    asked: get('/string', '/buffer', '/array', '/html', '/returned', '/empty'),
  },
  'objects, with and without a schema': {
    app(app) {
      app.get('/object', async () => ({ a: 1, b: 'ü' }))
      app.get(
        '/schema',
        { schema: { response: { 200: { type: 'object', properties: { a: { type: 'number' } } } } } },
        () => Promise.resolve({ a: 1, secret: 2 }),
      )
      app.get('/serializer', (_request, reply) => {
        reply.type('application/x-own').serializer((value: unknown) => `own ${JSON.stringify(value)}`)
        reply.send({ a: 1 })
      })
      app.get('/hal', (_request, reply) => reply.type('application/hal+json').send({ a: 1 }))
      app.get('/circular', async () => {
        const circular: Record<string, unknown> = {}
        circular.self = circular
        return circular
      })
    },
    asked: get('/object', '/schema', '/serializer', '/hal', '/circular'),
  },
  'null, undefined, nothing and what is no payload': {
    app(app) {
      app.get('/null', (_request, reply) => reply.send(null))
      app.get('/undefined', (_request, reply) => reply.send(undefined))
      app.get('/nothing', async () => {})
      app.get('/false', (_request, reply) => reply.send(false))
      app.get('/number', (_request, reply) => reply.type('text/plain').send(42))
      app.get('/returned-null', async () => null)
    },
    asked: get('/null', '/undefined', '/nothing', '/false', '/number', '/returned-null'),
  },
  'streams of Node and of the web, and responses': {
    app(app) {
      app.get('/node', (_request, reply) => reply.send(Readable.from(['a', 'b', 'c'])))
      app.get('/typed', (_request, reply) => reply.type('text/csv').send(Readable.from(['a,b\n', '1,2\n'])))
      app.get('/length', (_request, reply) =>
        reply.header('content-length', 4).send(Readable.from(['ab', 'cd'])),
      )
      app.get('/empty', async () => Readable.from([]))
      app.get('/web', async () => new Blob(['of the web']).stream())
      app.get('/response', async () => new Response('made', { status: 201, headers: { 'x-made': 'yes' } }))
      app.get('/response-empty', async () => new Response(null, { status: 204 }))
      app.get('/response-json', async () => Response.json({ a: 1 }))
      app.get('/response-cookies', async () => {
        const headers = new Headers([
          ['set-cookie', 'a=1'],
          ['set-cookie', 'b=2'],
        ])
        return new Response('cookies', { headers })
      })
      app.get('/response-used', async () => {
        const used = new Response('used')
        await used.text()
        return used
      })
    },
    asked: get(
      '/node',
      '/typed',
      '/length',
      '/empty',
      '/web',
      '/response',
      '/response-empty',
      '/response-json',
      '/response-cookies',
      '/response-used',
    ),
  },
  'status codes, reasons and redirects': {
    app(app) {
      for (const status of [200, 201, 204, 205, 304, 404, 418, 500, 599])
        app.get(`/${status}`, (_request, reply) =>
          reply.code(status).send(status === 204 ? undefined : 'body'),
        )
      app.get('/204-body', (_request, reply) => reply.code(204).send('dropped'))
      app.get('/304-stream', (_request, reply) => reply.code(304).send(Readable.from(['dropped'])))
      app.get('/invalid', (_request, reply) => reply.code(1_000).send('never'))
      app.get('/redirect', (_request, reply) => reply.redirect('/200'))
      app.get('/permanent', (_request, reply) => reply.redirect('/ü?a=b', 308))
      app.get('/code-first', (_request, reply) => reply.code(307).redirect('/200'))
    },
    asked: get(
      ...[200, 201, 204, 205, 304, 404, 418, 500, 599].map((status) => `/${status}`),
      '/204-body',
      '/304-stream',
      '/invalid',
      '/redirect',
      '/permanent',
      '/code-first',
    ),
  },
  'headers of every kind': {
    app(app) {
      app.get('/several', (_request, reply) => {
        reply.header('X-Case', 'kept').headers({ 'x-number': 1, 'x-list': ['a', 'b'] })
        reply.header('set-cookie', 'a=1').header('set-cookie', 'b=2').header('set-cookie', ['c=3'])
        reply.header('x-gone', '1').removeHeader('x-gone')
        reply.send({ has: reply.hasHeader('x-case'), all: reply.getHeaders() })
      })
      app.get('/raw', (_request, reply) => {
        reply.raw.setHeader('x-raw', ['1', '2'])
        reply.header('x-seen', String(reply.getHeader('x-raw')))
        reply.send('raw')
      })
      app.get('/raw-overridden', (_request, reply) => {
        reply.raw.setHeader('x-both', 'raw')
        reply.header('x-both', 'reply').send('both')
      })
      app.get('/wrong-length', (_request, reply) => reply.header('content-length', 100).send('short'))
      app.get('/invalid', (_request, reply) => reply.header('x-invalid', 'a\nb').send('invalid'))
      app.get('/connection', { config: {} }, (_request, reply) => reply.header('x-before', '1').send('x'))
    },
    asked: get('/several', '/raw', '/raw-overridden', '/wrong-length', '/invalid', '/connection'),
  },
  trailers: {
    app(app) {
      app.get('/', (_request, reply) => {
        reply.trailer('x-sum', (_reply, payload, done) => done(null, String(payload).length.toString()))
        reply.send('with trailers')
      })
      app.get('/async', (_request, reply) => {
        reply.trailer('x-sum', async () => 'later').send({ a: 1 })
      })
      app.get('/stream', (_request, reply) => {
        reply.trailer('x-end', (_reply, _payload, done) => done(null, 'end'))
        reply.send(Readable.from(['a', 'b']))
      })
      app.get('/removed', (_request, reply) => {
        reply.trailer('x-none', async () => 'none').removeTrailer('x-none')
        reply.send('none')
      })
    },
    asked: [...get('/', '/async', '/stream', '/removed'), { path: '/', headers: { te: 'trailers' } }],
  },
  'HEAD, by the router and by hand': {
    options: { exposeHeadRoutes: true },
    app(app) {
      app.get('/exposed', async () => ({ a: 1 }))
      app.get('/stream', (_request, reply) => reply.send(Readable.from(['a', 'b'])))
      app.head('/own', (_request, reply) => reply.header('content-length', 1_234).send())
      app.get('/none', { exposeHeadRoute: false }, async () => 'none')
      app.get('/error', async () => {
        throw new Error('of a HEAD')
      })
    },
    asked: ['/exposed', '/stream', '/own', '/none', '/error', '/exposed'].map((path) => ({
      method: 'HEAD',
      path,
    })),
  },
  'bodies of 3 MiB, which are more than is kept in memory': {
    app(app) {
      const big = Buffer.alloc(3 * 1024 * 1024, 'abcdefgh')
      app.get('/buffer', async () => big)
      app.get('/string', async () => big.toString())
      app.get('/stream', (_request, reply) =>
        reply.send(
          Readable.from(Array.from({ length: 48 }, (_, at) => big.subarray(at * 65_536, (at + 1) * 65_536))),
        ),
      )
      app.get('/web', async () => new Blob([big]).stream())
    },
    asked: get('/buffer', '/string', '/stream', '/web', '/buffer'),
  },
}
