import type { Server } from 'node:net'
import { serve as serveApp } from '@hono/node-server'
import { Hono } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { timeout } from 'hono/timeout'
import { idOf, type Serve } from '../../kit.ts'
import { answerFetch } from '../answer-fetch.ts'
import { HOST, listening } from '../listening.ts'
import { problemType, timeoutBody } from './problem.ts'
import { uncontained } from './uncontained.ts'

/** Hono's `timeout`, with an error handler as its documentation has it. */
export const serve: Serve = async (kit) => {
  uncontained()
  const app = new Hono()
  app.use(async (c, next) => {
    await next()
    c.header('x-id', idOf(c.req.url))
  })
  app.use(timeout(kit.limitMs, timedOut))
  app.all('*', (c) => answerFetch(kit, c.req.raw))
  const told = new WeakSet<Request>()
  app.onError((error, c) => {
    if (told.has(c.req.raw)) kit.note('an error for who had had a timeout')
    told.add(c.req.raw)
    return error instanceof HTTPException ? error.getResponse() : c.text('failed', 500)
  })
  return listening(serveApp({ fetch: app.fetch, port: kit.port, hostname: HOST }) as Server)
}

function timedOut(): HTTPException {
  return new HTTPException(503, {
    res: new Response(timeoutBody, { status: 503, headers: { 'content-type': problemType } }),
  })
}
