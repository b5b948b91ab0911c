import { PassThrough } from 'node:stream'
import type { Trial } from '../parity.ts'

function throws(error: () => unknown, status = 500): Trial {
  return {
    app: (app) =>
      app.use(async (ctx) => {
        ctx.set('x-dropped', 'yes')
        ctx.body = { dropped: true }
        if (ctx.path === '/later') await Promise.resolve()
        throw error()
      }),
    // Koa gives a HEAD a body then, on which Node's HTTP/2 hangs.
    asks: ['/', '/later', { path: '/', method: 'HEAD', onlyHttp1: true }],
    statuses: [status, status, status],
  }
}

export const errors: Record<string, Trial> = {
  'an Error': throws(() => new Error('secret')),
  'one with a status': throws(() => Object.assign(new Error('no'), { status: 403 }), 403),
  'one with a status that is none': throws(() => Object.assign(new Error('no'), { status: 9999 })),
  'one to be exposed, with headers': throws(
    () => Object.assign(new Error('short'), { status: 418, expose: true, headers: { 'X-Kept': 'yes' } }),
    418,
  ),
  'a file that is not there': throws(() => Object.assign(new Error('ENOENT'), { code: 'ENOENT' })),
  'a string': throws(() => 'a string'),
  'an object': throws(() => ({ not: 'an error' })),
  undefined: {
    app: (app) =>
      app.use(async (ctx) => {
        ctx.body = 'sent?'
        if (ctx.path === '/other') throw 'other'
        ctx.throw(400, 'told')
      }),
    asks: ['/', '/other'],
    statuses: [400, 500],
  },
  'ctx.throw()': {
    app: (app) =>
      app.use((ctx) => {
        if (ctx.path === '/assert') ctx.throw(409, 'asserted', { headers: { 'retry-after': '1' } })
        ctx.throw(Number(ctx.path.slice(1)), 'thrown')
      }),
    asks: ['/400', '/404', '/500', '/503', '/assert'],
    statuses: [400, 404, 500, 503, 409],
  },
  'caught by the middleware outside': {
    app(app, note) {
      app.use(async (ctx, next) => {
        try {
          await next()
        } catch (error) {
          note(`caught: ${(error as Error).message}`)
          ctx.status = 502
          ctx.body = { caught: (error as Error).message }
          if (ctx.path === '/emit') ctx.app.emit('error', error, ctx)
        }
      })
      app.use(() => {
        throw new Error('inside')
      })
    },
    asks: ['/', '/emit'],
    statuses: [502, 502],
  },
  'before and after next()': {
    app(app, note) {
      app.use(async (ctx, next) => {
        note('in')
        try {
          await next()
        } finally {
          note(`out ${ctx.status}`)
        }
      })
      app.use(async (ctx, next) => {
        if (ctx.path === '/before') throw new Error('before')
        await next()
        if (ctx.path === '/after') throw new Error('after')
      })
      app.use((ctx) => {
        ctx.body = 'inner'
      })
    },
    asks: ['/before', '/after', '/neither'],
    statuses: [500, 500, 200],
  },
  'next() twice': {
    app(app) {
      app.use(async (_ctx, next) => {
        await next()
        await next()
      })
      app.use((ctx) => {
        ctx.body = 'once'
      })
    },
    asks: ['/', '/again'],
    statuses: [500, 500],
  },
  'a body that cannot be JSON': {
    app: (app) =>
      app.use((ctx) => {
        const circular: Record<string, unknown> = {}
        circular.self = circular
        ctx.body = circular
      }),
    asks: ['/', '/again'],
    statuses: [500, 500],
  },
  'a header that cannot be one': {
    app: (app) =>
      app.use((ctx) => {
        ctx.set('x-broken', 'a\nb')
      }),
    asks: ['/', '/again'],
    statuses: [500, 500],
    onlyHttp1: true,
  },
  'after the head was sent': {
    app: (app) =>
      app.use(async (ctx) => {
        ctx.status = 200
        ctx.set('X-Foo', 'Bar')
        ctx.flushHeaders()
        ctx.res.end('all there is')
        await Promise.resolve()
        throw new Error('after the head')
      }),
    asks: ['/', '/again'],
    statuses: [200, 200],
  },
  'a stream that breaks off after the head': {
    app: (app) =>
      app.use((ctx) => {
        ctx.status = 200
        ctx.type = 'text/event-stream'
        const stream = new PassThrough()
        stream.write('data: 1\n\n')
        setImmediate(() => setImmediate(() => stream.destroy(new Error('stream broke'))))
        ctx.flushHeaders()
        ctx.body = stream
      }),
    asks: ['/'],
    statuses: [200],
  },
  'ctx.onerror() of the app': {
    app(app, note) {
      app.context.onerror = function (error) {
        if (!error) return
        note(`own: ${error.message}`)
        this.res.statusCode = 555
        this.res.end('own')
      }
      app.use(() => {
        throw new Error('inside')
      })
    },
    asks: ['/', '/again'],
    statuses: [555, 555],
  },
}
