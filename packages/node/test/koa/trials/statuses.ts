import { STATUS_CODES } from 'node:http'
import type { Trial } from '../parity.ts'

const every = Object.keys(STATUS_CODES)
  .map(Number)
  .filter((status) => status >= 200 && status !== 205)

export const statuses: Record<string, Trial> = {
  'nothing at all': { app: () => {}, asks: ['/', { path: '/', method: 'HEAD' }], statuses: [404, 404] },
  'a middleware that does nothing': { app: (app) => app.use(() => {}), asks: ['/'], statuses: [404] },
  'each without a body': {
    app: (app) =>
      app.use((ctx) => {
        ctx.status = Number(ctx.path.slice(1))
      }),
    asks: every.map((status) => `/${status}`),
    statuses: every,
  },
  'each with a body': {
    app: (app) =>
      app.use((ctx) => {
        ctx.status = Number(ctx.path.slice(1))
        ctx.body = 'some body'
      }),
    asks: every.map((status) => `/${status}`),
    statuses: every,
  },
  'each after a body': {
    app: (app) =>
      app.use((ctx) => {
        ctx.body = { some: 'body' }
        ctx.status = Number(ctx.path.slice(1))
      }),
    asks: every.map((status) => `/${status}`),
    statuses: every,
  },
  // Koa's 205 has no length, so it takes the end of the connection to end it.
  'one that resets': {
    app: (app) =>
      app.use((ctx) => {
        ctx.body = 'some body'
        ctx.status = 205
      }),
    asks: [{ path: '/', headers: { connection: 'close' } }],
    statuses: [205],
  },
  'one that nobody knows': {
    app: (app) =>
      app.use((ctx) => {
        ctx.res.statusCode = 701
      }),
    asks: ['/'],
    statuses: [701],
    onlyHttp1: true,
  },
  'a message': {
    app: (app) =>
      app.use((ctx) => {
        ctx.status = 200
        ctx.message = 'All is well'
        if (ctx.path === '/body') ctx.body = 'body'
      }),
    asks: ['/', '/body', { path: '/', method: 'HEAD' }],
    statuses: [200, 200, 200],
    onlyHttp1: true,
  },
  'one that is none': {
    app: (app) =>
      app.use((ctx) => {
        ctx.status = 1000
      }),
    asks: ['/', '/again'],
    statuses: [500, 500],
  },
  'a redirect': {
    app: (app) =>
      app.use((ctx) => {
        if (ctx.path === '/301') ctx.status = 301
        ctx.redirect('/there?q=ü&r=%20')
      }),
    asks: ['/', { path: '/', headers: { accept: 'text/html' } }, '/301', { path: '/', method: 'HEAD' }],
    statuses: [302, 302, 301, 302],
  },
  'a way back': {
    app: (app) => app.use((ctx) => ctx.back('/home')),
    asks: [
      '/',
      { path: '/', headers: { referrer: '/came-from' } },
      { path: '/', headers: { referrer: 'http://elsewhere.example/x' } },
    ],
    statuses: [302, 302, 302],
  },
  'an attachment': {
    app: (app) =>
      app.use((ctx) => {
        ctx.attachment('Übersicht.txt')
        ctx.body = 'text'
      }),
    asks: ['/'],
    statuses: [200],
  },
  'headers in many ways': {
    app: (app) =>
      app.use((ctx) => {
        ctx.set('X-Single', 'one')
        ctx.set({ 'x-Object': 'two', 'X-Array': ['a', 'b'] as never })
        ctx.append('Link', '<a>; rel=next')
        ctx.append('Link', '<b>; rel=prev')
        ctx.vary('Accept')
        ctx.vary('Origin')
        ctx.set('X-Gone', 'gone')
        ctx.remove('X-Gone')
        ctx.lastModified = new Date(0)
        ctx.etag = 'tag'
        ctx.body = { type: ctx.type, headers: ctx.response.headers }
      }),
    asks: ['/'],
    statuses: [200],
  },
  'cookies, plain and signed': {
    app(app) {
      app.keys = ['key']
      app.use((ctx) => {
        ctx.cookies.set('plain', 'a', { httpOnly: false })
        ctx.cookies.set('signed', String(Number(ctx.cookies.get('signed') ?? 0) + 1), { signed: true })
        ctx.body = ctx.cookies.get('signed') ?? 'none'
      })
    },
    asks: ['/', '/', '/'],
    statuses: [200, 200, 200],
    carriesCookies: true,
  },
  'a client that wants the connection closed': {
    app: (app) =>
      app.use((ctx) => {
        ctx.body = 'bye'
      }),
    asks: [{ path: '/', headers: { connection: 'close' } }, '/again'],
    statuses: [200, 200],
    onlyHttp1: true,
  },
  'a server that wants the connection closed': {
    app: (app) =>
      app.use((ctx) => {
        ctx.set('connection', 'close')
        ctx.body = 'bye'
      }),
    asks: ['/', '/again'],
    statuses: [200, 200],
    onlyHttp1: true,
  },
}
