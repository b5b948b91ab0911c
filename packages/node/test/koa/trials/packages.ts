import { Readable } from 'node:stream'
import cors from '@koa/cors'
import Router from '@koa/router'
import bodyParser from 'koa-bodyparser'
import compress from 'koa-compress'
import conditional from 'koa-conditional-get'
import etag from 'koa-etag'
import session from 'koa-session'
import serve from 'koa-static'
import type { Trial } from '../parity.ts'

const gzip = { 'accept-encoding': 'gzip' }
const root = new URL('../../..', import.meta.url).pathname

/** What Koa's users have in their apps. */
export const packages: Record<string, Trial> = {
  'koa-session in a store that takes its time': {
    app(app) {
      const saved = new Map<string, string>()
      let ids = 0
      app.keys = ['key']
      app.use(
        session(
          {
            maxAge: 'session',
            genid: () => `id-${ids++}`,
            store: {
              get: async (id: string) => {
                await new Promise((resolve) => setImmediate(resolve))
                return JSON.parse(saved.get(id) ?? 'null')
              },
              set: async (id: string, value: unknown) => {
                await new Promise((resolve) => setImmediate(resolve))
                saved.set(id, JSON.stringify(value))
              },
              destroy: async (id: string) => {
                saved.delete(id)
              },
            },
          } as never,
          app,
        ) as never,
      )
      app.use((ctx) => {
        const { session: own } = ctx as unknown as { session: { views?: number } | null }
        if (ctx.path === '/out') (ctx as unknown as { session: null }).session = null
        else own!.views = (own!.views ?? 0) + 1
        if (ctx.path === '/throw') ctx.throw(503, 'thrown')
        ctx.body = `views: ${own!.views}`
      })
    },
    asks: ['/', '/', '/throw', '/', '/out', '/'],
    statuses: [200, 200, 503, 200, 200, 200],
    carriesCookies: true,
  },
  'koa-session in its cookie': {
    app(app) {
      app.keys = ['key']
      app.use(session({ maxAge: 'session' }, app) as never)
      app.use((ctx) => {
        const own = (ctx as unknown as { session: { views?: number } }).session
        own.views = (own.views ?? 0) + 1
        ctx.body = `views: ${own.views}`
      })
    },
    asks: ['/', '/', '/'],
    statuses: [200, 200, 200],
    carriesCookies: true,
  },
  'koa-static': {
    app: (app) => app.use(serve(root)),
    asks: [
      '/package.json',
      { path: '/package.json', method: 'HEAD' },
      { path: '/package.json', headers: { range: 'bytes=0-9' } },
      '/src/koa.ts',
      '/nothing',
      '/..%2f..%2fetc/passwd',
      { path: '/package.json', method: 'POST' },
    ],
    statuses: [200, 200, 200, 200, 404, 403, 404],
  },
  'koa-conditional-get and koa-etag': {
    app(app) {
      app.use(conditional())
      app.use(etag())
      app.use((ctx) => {
        if (ctx.path === '/old') ctx.lastModified = new Date('2026-01-01')
        ctx.body = ctx.path === '/stream' ? Readable.from(['a']) : { same: 'every time' }
      })
    },
    asks: [
      '/',
      { path: '/', headers: { 'if-none-match': '*' } },
      { path: '/old', headers: { 'if-modified-since': 'Fri, 02 Jan 2026 00:00:00 GMT' } },
      { path: '/', headers: { 'if-none-match': '"other"' } },
      '/stream',
    ],
    statuses: [200, 304, 304, 200, 200],
  },
  'koa-compress': {
    app(app) {
      app.use(compress({ threshold: 100, zstd: false, br: false, gzip: { flush: 2 } } as never))
      app.use((ctx) => {
        ctx.type = 'text'
        if (ctx.path === '/stream') ctx.body = Readable.from(['a'.repeat(2_000), 'b'.repeat(2_000)])
        else if (ctx.path === '/json') ctx.body = Array.from({ length: 100 }, (_, index) => ({ index }))
        else ctx.body = ctx.path === '/small' ? 'small' : 'large '.repeat(1_000)
        if (ctx.path === '/off') ctx.compress = false
      })
    },
    asks: [
      { path: '/', headers: gzip },
      { path: '/', headers: gzip, method: 'HEAD' },
      { path: '/small', headers: gzip },
      { path: '/stream', headers: gzip },
      { path: '/json', headers: gzip },
      { path: '/off', headers: gzip },
      '/',
    ],
    statuses: [200, 200, 200, 200, 200, 200, 200],
  },
  'koa-bodyparser': {
    app(app) {
      app.use(bodyParser({ jsonLimit: '100b' }))
      app.use((ctx) => {
        ctx.body = { parsed: ctx.request.body ?? null }
      })
    },
    asks: [
      json('{"a":1}'),
      json('{"a":'),
      json(JSON.stringify({ long: 'x'.repeat(200) })),
      {
        path: '/',
        method: 'POST',
        body: 'a=1&b=2',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
      },
      '/',
    ],
    statuses: [200, 400, 413, 200, 200],
  },
  '@koa/cors, also on errors': {
    app(app) {
      app.use(cors({ origin: 'http://web.example', credentials: true, exposeHeaders: 'x-id' }))
      app.use((ctx) => {
        if (ctx.path === '/throw') ctx.throw(503, 'thrown')
        if (ctx.path === '/error') throw new Error('secret')
        ctx.body = 'hello'
      })
    },
    asks: [
      { path: '/', headers: { origin: 'http://web.example' } },
      { path: '/throw', headers: { origin: 'http://web.example' } },
      { path: '/error', headers: { origin: 'http://web.example' } },
      {
        path: '/',
        method: 'OPTIONS',
        headers: { origin: 'http://web.example', 'access-control-request-method': 'PUT' },
      },
      '/',
    ],
    statuses: [200, 503, 500, 204, 200],
  },
  '@koa/router': {
    app(app) {
      const router = new Router({ prefix: '/api' })
      router.get('/users/:id', (ctx) => {
        ctx.body = { id: ctx.params.id, query: ctx.query }
      })
      router.post('/users', (ctx) => {
        ctx.status = 201
        ctx.set('location', '/api/users/1')
      })
      router.all('/any', (ctx) => {
        ctx.body = ctx.method
      })
      router.redirect('/old', '/api/any', 301)
      app.use(router.routes())
      app.use(router.allowedMethods())
    },
    asks: [
      '/api/users/7?q=1',
      { path: '/api/users', method: 'POST', body: '' },
      { path: '/api/users/7', method: 'DELETE' },
      { path: '/api/users/7', method: 'OPTIONS' },
      { path: '/api/any', method: 'PATCH' },
      '/api/old',
      '/elsewhere',
    ],
    statuses: [200, 201, 405, 200, 200, 301, 404],
  },
}

function json(body: string) {
  return { path: '/', method: 'POST', body, headers: { 'content-type': 'application/json' } }
}
