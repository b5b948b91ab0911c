import { Readable } from 'node:stream'
import { curfew, scopeOf } from '@curfew/node/koa'
import Koa from 'koa'
import { idOf, type Serve } from '../kit.ts'
import { contained } from './contained.ts'
import { HOST, listening } from './listening.ts'

export const serve: Serve = (kit) => {
  contained(kit)
  const app = new Koa()
  app.silent = true
  app.use(async (ctx, next) => {
    ctx.set('x-id', idOf(ctx.url))
    await next()
  })
  const guard = curfew(kit.guard)
  app.use(guard)
  app.use(async (ctx) => {
    const asked = {
      get signal() {
        return scopeOf(ctx).signal
      },
      body: () => ctx.req,
    }
    const { status, body, atOnce } = await kit.answer(asked, ctx.url)
    ctx.status = status
    if (status === 204) return
    ctx.type = 'text/plain'
    if (atOnce) ctx.flushHeaders()
    ctx.body = typeof body === 'string' ? body : Readable.from(body)
  })
  return listening(app.listen(kit.port, HOST), guard.stats)
}
