import { randomUUID } from 'node:crypto'
import { buffer, text } from 'node:stream/consumers'
import { type AppOptions, receipt, routes, sleep } from '@curfew/example-routes'
import { brokenPage, eventStream, largeStream, stalledBody } from '@curfew/example-routes/node'
import { curfew, deadline, scopeOf } from '@curfew/node/koa'
import cors from '@koa/cors'
import Router from '@koa/router'
import Koa from 'koa'

/** Routes that each meet a different ending. */
export function createApp({ limitMs, greeter, ...hooks }: AppOptions): Koa {
  const app = new Koa()
  const router = new Router()
  const guard = curfew({ timeoutMs: limitMs, ...hooks })
  app.use((ctx, next) => {
    ctx.set('x-request-id', randomUUID())
    return next()
  })
  app.use(cors()).use(guard).use(router.routes())

  router.get(routes.hello, (ctx) => {
    ctx.body = 'hi'
  })

  // In time.
  router.get(routes.short, async (ctx) => {
    await sleep(limitMs / 2)
    ctx.body = `done after ${limitMs / 2} ms`
  })

  // Too slow. The signal stops the upstream call, too: at the deadline, or when the client leaves.
  router.all(routes.long, async (ctx) => {
    const { signal } = scopeOf(ctx)
    await text(ctx.req)
    const name = String(ctx.query.name ?? 'world')
    ctx.body = await greeter.sayHello({ name, delayMs: limitMs * 2.5 }, { signal })
  })

  // Just as slow as it may be: either ending is right, as long as there is one.
  router.get(routes.boundary, async (ctx) => {
    await sleep(limitMs)
    ctx.body = 'on the line'
  })

  router.get(routes.nocontent, (ctx) => {
    ctx.status = 204
  })
  router.get(routes.redirect, (ctx) => ctx.redirect(routes.hello))

  router.all(routes.panic, async (ctx) => {
    await text(ctx.req)
    throw new Error('secret-of-panic')
  })

  // Ignores its signal, and throws when nobody listens any more.
  router.get(routes.panicLate, async () => {
    await sleep(limitMs * 1.5)
    throw new Error('secret-of-panic-late')
  })

  // Half a page, and then an error. It was kept until the page would have ended, so that nobody sees the half.
  router.get(routes.template, (ctx) => {
    ctx.type = 'html'
    ctx.body = brokenPage()
  })

  // More than is kept in memory: past `maxBytes` it goes out as it is written.
  router.get(routes.large, (ctx) => {
    ctx.body = largeStream()
  })

  // The type says that it goes out as it is written, and that its deadline is over.
  router.get(routes.events, (ctx) => {
    ctx.type = 'text/event-stream'
    ctx.body = eventStream(limitMs / 20)
  })

  // A route may take longer than the others.
  router.post(routes.upload, deadline(limitMs * 10), async (ctx) => {
    ctx.body = await receipt(await buffer(ctx.req))
  })

  // Does everything to its context that an abandoned handler must not get through.
  router.get(routes.leaky, async (ctx) => {
    ctx.set('x-leak', 'before')
    ctx.cookies.set('secret', 'before')
    await sleep(limitMs * 1.2)
    ctx.set('x-leak', 'after')
    ctx.cookies.set('secret', 'after')
    ctx.status = 200
    for (let i = 0; i < 5; i++) {
      ctx.res.write('secret-of-leaky')
      await sleep(limitMs / 50)
    }
    ctx.body = 'secret-of-leaky'
  })

  // A stream that dries up: past `streamIdleMs` the connection is reset, for a clean end would be a lie.
  router.get(routes.stalled, curfew({ streamIdleMs: limitMs / 4 }), (ctx) => {
    ctx.status = 200
    ctx.flushHeaders()
    ctx.body = stalledBody()
  })

  router.get(routes.early, (ctx) => {
    ctx.res.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' })
  })

  router.get(routes.stats, (ctx) => {
    ctx.body = guard.stats
  })

  return app
}
