import type { Case } from '../parity.ts'

const get = (...paths: string[]) => paths.map((path) => ({ path }))

/** Handlers that go past Fastify. */
export const raw: Record<string, Case> = {
  'reply.raw, hijacked': {
    app(app) {
      app.get('/end', (_request, reply) => {
        reply.hijack()
        reply.raw.end('hijacked')
      })
      app.get('/head', (_request, reply) => {
        reply.hijack()
        reply.raw.writeHead(201, { 'x-raw': '1' })
        reply.raw.write('a')
        setImmediate(() => {
          reply.raw.write('b')
          reply.raw.end('c')
        })
      })
      app.get('/async', async (_request, reply) => {
        reply.hijack()
        await new Promise(setImmediate)
        reply.raw.setHeader('content-type', 'text/plain')
        reply.raw.end('async')
      })
      app.get('/not-hijacked', async (_request, reply) => {
        reply.raw.writeHead(200, { 'content-type': 'text/plain' })
        reply.raw.end('past Fastify')
      })
      app.get('/flush', (_request, reply) => {
        reply.hijack()
        reply.raw.setHeader('x-flushed', '1')
        reply.raw.flushHeaders()
        setImmediate(() => reply.raw.end('flushed'))
      })
    },
    asked: get('/end', '/head', '/async', '/not-hijacked', '/flush'),
  },
  'an event stream': {
    app(app, note) {
      app.get('/', (request, reply) => {
        reply.hijack()
        reply.raw.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
        let count = 0
        const next = (): void => {
          if (count === 3) return void reply.raw.end()
          reply.raw.write(`data: ${count++}\n\n`, () => setImmediate(next))
        }
        next()
        request.raw.once('close', () => note('closed'))
      })
    },
    asked: get('/', '/'),
  },
  'a destroyed response': {
    http1: true,
    app(app) {
      app.get('/', (_request, reply) => {
        reply.hijack()
        reply.raw.destroy()
      })
      app.get('/half', (_request, reply) => {
        reply.hijack()
        reply.raw.writeHead(200, { 'content-length': '10' })
        reply.raw.flushHeaders()
        reply.raw.write('half', () => reply.raw.destroy())
      })
      app.get('/ok', async () => 'ok')
    },
    asked: get('/', '/ok', '/half', '/ok'),
  },
  'early hints': {
    http1: true,
    app(app) {
      app.get('/', (_request, reply) => {
        reply.writeEarlyHints({ link: '</style.css>; rel=preload' })
        reply.send('hinted')
      })
    },
    asked: get('/', '/'),
  },
}
