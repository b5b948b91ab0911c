import type { Server } from 'node:net'
import { serve as serveApp } from '@hono/node-server'
import { Hono } from 'hono'
import { timeout } from 'hono/timeout'
import { idOf, type Serve } from '../../kit.ts'
import { answerFetch } from '../answer-fetch.ts'
import { HOST, listening } from '../listening.ts'

export const serve: Serve = (kit) => {
  const app = new Hono()
  app.use(async (c, next) => {
    await next()
    c.header('x-id', idOf(c.req.url))
    kit.ended(c.req.url, c.res.status)
  })
  app.use(timeout(kit.limitMs))
  app.all('*', (c) => answerFetch(kit, c.req.raw))
  return listening(serveApp({ fetch: app.fetch, port: kit.port, hostname: HOST }) as Server)
}
