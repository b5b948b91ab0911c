import { curfew } from '@curfew/node/koa'
import Koa from 'koa'
import { HOST, LIMIT_MS, TEXT, workAt } from '../work.ts'
import { listening, type Servers } from './servers.ts'

function serve(...middleware: Koa.Middleware[]): Promise<number> {
  const app = new Koa()
  app.silent = true
  for (const each of middleware) app.use(each)
  app.use(async (ctx) => {
    const work = workAt(ctx.path)
    if (work) await work
    ctx.body = TEXT
  })
  return listening(app.listen(0, HOST))
}

export const servers: Servers = {
  bare: () => serve(),
  'curfew()': () => serve(curfew({ timeoutMs: LIMIT_MS })),
}
