import type { Server } from 'node:net'
import { curfew } from '@curfew/hono'
import { serve as serveApp } from '@curfew/node'
import { Hono } from 'hono'
import { idOf, type Serve } from '../kit.ts'
import { answerFetch } from './answer-fetch.ts'
import { contained } from './contained.ts'
import { HOST, listening } from './listening.ts'

/** The guard is a middleware, within one that says whose response it is. */
export const serve: Serve = (kit) => {
  contained(kit)
  const app = new Hono()
  app.use(async (c, next) => {
    await next()
    c.header('x-id', idOf(c.req.url))
  })
  const guard = curfew(kit.guard)
  app.use(guard)
  app.all('*', (c) => answerFetch(kit, c.req.raw))
  // What Hono prints of errors is no complaint.
  app.onError((_error, c) => c.text('failed', 500))
  const { server } = serveApp({ fetch: app.fetch, port: kit.port, hostname: HOST })
  return listening(server as Server, guard.stats)
}
