import { pipeline, Readable } from 'node:stream'
import type { Trial } from '../parity.ts'

/** What writes into `ctx.res` by itself. */
export const raw: Record<string, Trial> = {
  'ctx.respond = false, answered later': {
    app: (app) =>
      app.use((ctx) => {
        ctx.body = 'Hello'
        ctx.respond = false
        const { res } = ctx
        res.statusCode = 200
        setImmediate(() => {
          res.setHeader('Content-Type', 'text/plain')
          res.setHeader('Content-Length', '3')
          res.end('lol')
        })
      }),
    asks: ['/', '/again'],
    statuses: [200, 200],
  },
  'Koa after the end': {
    app: (app, note) =>
      app.use((ctx) => {
        ctx.respond = false
        ctx.res.statusCode = 200
        ctx.res.setHeader('Content-Type', 'text/plain')
        ctx.res.end('lol')
        ctx.set('foo', 'bar')
        ctx.status = 201
        ctx.body = 'too late'
        ctx.remove('content-type')
        ctx.vary('x')
        note(
          `${ctx.status} ${ctx.headerSent} ${ctx.writable} ${ctx.res.writableEnded} ${ctx.response.get('foo')}`,
        )
      }),
    asks: ['/', '/again'],
    statuses: [200, 200],
  },
  'Node after the end': {
    app: (app, note) =>
      app.use((ctx) => {
        ctx.respond = false
        const { res } = ctx
        res.writeHead(202, { 'content-type': 'text/plain' })
        res.end('done')
        for (const late of [
          () => res.setHeader('x-late', '1'),
          () => res.removeHeader('content-type'),
          () => res.writeHead(500),
        ]) {
          try {
            late()
            note('fine')
          } catch (error) {
            note(String((error as NodeJS.ErrnoException).code))
          }
        }
      }),
    asks: ['/', '/again'],
    statuses: [202, 202],
    onlyHttp1: true,
  },
  'res.write() and then Koa': {
    app: (app) =>
      app.use((ctx) => {
        ctx.status = 200
        ctx.res.setHeader('Content-Type', 'text/html')
        ctx.res.write('Hello')
      }),
    asks: ['/', '/again'],
    statuses: [200, 200],
  },
  'res.write(), and later res.end()': {
    app: (app) =>
      app.use((ctx) => {
        ctx.status = 200
        ctx.res.setHeader('Content-Type', 'text/html')
        ctx.res.write('Hello')
        return new Promise<void>((resolve) => {
          setImmediate(() => {
            ctx.res.end('Goodbye')
            resolve()
          })
        })
      }),
    asks: ['/', '/again'],
    statuses: [200, 200],
  },
  'a head that was flushed, and then a body': {
    app: (app, note) =>
      app.use((ctx) => {
        ctx.length = 17
        ctx.type = 'json'
        ctx.set('foo', 'bar')
        ctx.flushHeaders()
        ctx.set('too-late', 'yes')
        note(`${ctx.headerSent}`)
        ctx.body = { hello: 'world' }
      }),
    asks: ['/', { path: '/', method: 'HEAD' }, '/again'],
    statuses: [404, 404, 404],
  },
  'writeHead() with a message and pairs': {
    app: (app) =>
      app.use((ctx) => {
        ctx.respond = false
        ctx.set('x-koa', '1')
        ctx.res.writeHead(299, 'Odd', { 'X-Mixed-Case': 'a', 'set-cookie': ['a=1', 'b=2'] as never })
        ctx.res.write('a', 'utf8', () => {})
        ctx.res.write(Buffer.from('b'))
        ctx.res.end('c')
      }),
    asks: ['/', { path: '/', method: 'HEAD' }],
    statuses: [299, 299],
    onlyHttp1: true,
  },
  'callbacks of write() and end(), and what is told when': {
    app: (app, note) =>
      app.use(
        (ctx) =>
          new Promise<void>((resolve) => {
            ctx.respond = false
            const { res } = ctx
            res.statusCode = 200
            for (const event of ['prefinish', 'finish', 'close']) res.on(event, () => note(event))
            res.write('a', () => note('written'))
            res.end('b', () => {
              note('ended')
              resolve()
            })
          }),
      ),
    asks: ['/', '/again'],
    statuses: [200, 200],
  },
  'what is told of a usual response': {
    app(app, note) {
      app.use(async (ctx, next) => {
        ctx.res.on('finish', () => note(`finish ${ctx.res.statusCode} ${ctx.res.writableFinished}`))
        ctx.res.on('close', () => note(`close ${ctx.res.writableEnded}`))
        ctx.req.on('close', () => note('request close'))
        await next()
        note(`next ${ctx.status} ${ctx.headerSent}`)
      })
      app.use((ctx) => {
        ctx.body = 'hello'
        ctx.res.on('finish', () => note('inner finish'))
      })
    },
    asks: ['/', '/again'],
    statuses: [200, 200],
  },
  'pipeline() into the response': {
    app: (app, note) =>
      app.use(
        (ctx) =>
          new Promise<void>((resolve) => {
            ctx.respond = false
            ctx.res.statusCode = 200
            pipeline(Readable.from(['a', 'b', 'c']), ctx.res, (error) => {
              note(`piped ${error?.message ?? 'all'}`)
              resolve()
            })
          }),
      ),
    asks: ['/', '/again'],
    statuses: [200, 200],
  },
  'cork() and trailers': {
    app: (app) =>
      app.use((ctx) => {
        ctx.respond = false
        const { res } = ctx
        res.writeHead(200, { trailer: 'x-sum' })
        res.cork()
        res.write('a')
        res.write('b')
        res.uncork()
        res.addTrailers({ 'x-sum': '2' })
        res.end()
      }),
    asks: ['/', '/again'],
    statuses: [200, 200],
    onlyHttp1: true,
  },
  'bodies that are read, and bodies that are not': {
    app: (app) =>
      app.use(async (ctx) => {
        let length = 0
        if (ctx.path === '/read') for await (const chunk of ctx.req) length += chunk.length
        ctx.body = String(length)
      }),
    asks: [
      { path: '/read', method: 'POST', body: 'x'.repeat(100_000) },
      { path: '/unread', method: 'POST', body: 'short' },
      '/read',
    ],
    statuses: [200, 200, 200],
  },
}
