import { serve } from '@hono/node-server'
import { except } from 'hono/combine'
import { HTTPException } from 'hono/http-exception'
import * as module from 'hono/timeout'
import { createApp } from './hono-routes.js'
import { errorHandled, inTime, recorded, serving, stall } from './notes.js'

const { timeout } = module

const app = createApp({
  // What `hono/combine` has for it: the route is named where the limit is set.
  limit: (ms) => except('/excepted', timeout(ms)),
  longer: timeout,
  off: [],
  // What Hono answers by default, or as its documentation does.
  onError: (error, c) => {
    errorHandled(c.req.path)
    recorded(c.req.path, error.status === 504 ? 'timeout' : 'error')
    if (!(error instanceof HTTPException)) return c.text('Internal Server Error', 500)
    const response = error.getResponse()
    if (c.req.path === '/slow-documented') return response
    return c.newResponse(response.body, response)
  },
})
app.get('/slow-documented', async (c) => {
  c.header('x-leak', 'secret')
  await stall('/slow-documented', c.env.outgoing)
  return c.text('late')
})
app.get('/excepted', async (c) => {
  await inTime(c.env.outgoing)
  return c.text('in time')
})

await serving(serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }), { app, module })
