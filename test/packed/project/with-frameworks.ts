import { serve } from '@curfew/node'
import * as inExpress from '@curfew/node/express'
import * as inFastify from '@curfew/node/fastify'
import * as inKoa from '@curfew/node/koa'
import connect from 'connect'
import express, { type ErrorRequestHandler, type Request, type RequestHandler } from 'express'
import fastify from 'fastify'
import Koa from 'koa'

// All that an app needs comes from the entry of its framework.

const options: inExpress.CurfewOptions & inKoa.CurfewOptions & inFastify.CurfewOptions = {
  timeoutMs: 5_000,
  onOutcome: (outcome: inExpress.Outcome) => void outcome.kind,
  onLateSettlement: (late: inKoa.LateSettlement) => void late.kind,
  onShedding: (shedding: inFastify.Shedding) => void shedding.kind,
}

const guard: inExpress.CurfewMiddleware = inExpress.curfew(options)
const middleware: RequestHandler[] = [guard, inExpress.deadline(false)]
const recordErrors: ErrorRequestHandler = inExpress.recordErrors()
const byQuery = inExpress.deadline((req: Request) => (req.query.deep ? 20_000 : Number.POSITIVE_INFINITY))
const listener = express()
  .use(middleware)
  .get('/search', byQuery, (req, res) => void res.json(req.query))
  .get('/users/:id', inExpress.deadline(30_000), (req, res) => {
    const scope: inExpress.Scope = inExpress.scopeOf(req)
    const id: string = req.params.id
    res.json({ id, leftMs: scope.deadline.remainingMs(), active: guard.stats.active })
  })
  .use(recordErrors)
serve({ listener, port: 0, health: true })

const connectApp = connect().use(inExpress.curfew(options))
serve({ listener: connectApp, port: 0, timeoutMs: 5_000 })

const koa = new Koa<{ user: string }>()
koa.use(inKoa.curfew(options))
koa.use(inKoa.deadline((ctx: Koa.Context) => (ctx.query.deep ? 20_000 : false)))
koa.use((ctx) => {
  ctx.body = [ctx.state.user, inKoa.scopeOf(ctx).signal.reason instanceof inKoa.HandlerTimeoutError]
})
serve({ listener: koa.callback(), port: 0, timeoutMs: 5_000 })

const app = fastify()
await app.register(inFastify.curfew, options)
app.get('/', { config: { curfew: { timeoutMs: 1_000 } } }, async (request) => {
  const scope: inFastify.Scope | null = request.curfew
  return { aborted: request.signal.aborted, isGuarded: scope !== null, active: app.curfew.stats.active }
})
const overHttp2 = fastify({ http2: true })
await overHttp2.register(inFastify.curfew, options)
overHttp2.get('/', async (request) => inFastify.scopeOf(request).deadline.remainingMs())
await app.ready()
serve({ listener: app.routing, port: 0, signals: true })

// @ts-expect-error It makes the middleware.
express().use(inExpress.recordErrors)
// @ts-expect-error It has a word to say about this one.
inExpress.curfew({ timeout: 5_000 })
// @ts-expect-error As its types are really there.
app.get('/never', { config: { curfew: { timeoutMs: '5s' } } }, async () => 'never')
