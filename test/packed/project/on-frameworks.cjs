const { once } = require('node:events')
const { createServer } = require('node:http')
const { guardListener } = require('@curfew/node')
const inExpress = require('@curfew/node/express')
const inFastify = require('@curfew/node/fastify')
const inKoa = require('@curfew/node/koa')

const options = { timeoutMs: 50 }

/** What listens, of each framework. */
const listeners = {
  'node:http': () =>
    guardListener((req, res) => {
      if (req.url !== '/slow') res.end('hello')
    }, options),
  connect: () => routed(require('connect')()),
  express: () => routed(require('express')()),
  express4: () => routed(require('express4')()),
  koa() {
    const app = new (require('koa'))()
    app.use(inKoa.curfew(options))
    app.use((ctx) => {
      if (ctx.path === '/slow') return new Promise(() => {})
      ctx.body = 'hello'
    })
    return app.callback()
  },
  async fastify() {
    const app = require('fastify')()
    await app.register(inFastify, options)
    app.get('/quick', async () => 'hello')
    app.get('/slow', () => new Promise(() => {}))
    await app.ready()
    return app.routing
  },
}

function routed(app) {
  app.use(inExpress.curfew(options))
  app.use('/quick', (_req, res) => void res.end('hello'))
  app.use('/slow', () => {})
  app.use(inExpress.recordErrors())
  return app
}

async function main() {
  const { answers } = await import('./handler.js')
  const answered = {}
  for (const [name, listener] of Object.entries(listeners)) {
    const server = createServer(await listener()).listen(0, '127.0.0.1')
    await once(server, 'listening')
    answered[name] = await answers(fetch, `http://127.0.0.1:${server.address().port}`)
    server.close()
    server.closeAllConnections()
  }
  console.log(JSON.stringify({ names: Object.keys(listeners), answers: answered }))
}

void main()
