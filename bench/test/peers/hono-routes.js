import { Hono } from 'hono'
import { endlessBody, inTime, limitMs, longerMs, report, stall } from './notes.js'

/** The routes behind `limit(ms)`. A handler is a promise here, never a callback. */
export function createApp({ limit, longer, off, onError }) {
  const app = new Hono()
  app.onError(onError)
  app.use(limit(limitMs))

  app.get('/slow', async (c) => {
    c.header('x-leak', 'secret')
    c.header('set-cookie', 'session=secret')
    await stall('/slow', c.env.outgoing)
    return c.text('late')
  })
  app.post('/upload', async (c) => {
    await c.req.json()
    await stall('/upload', c.env.outgoing, c.req.raw.signal)
    return c.text('late')
  })
  for (const path of ['/signal', '/client']) {
    app.get(path, async (c) => {
      await stall(path, c.env.outgoing, c.req.raw.signal)
      return c.text('late')
    })
  }
  app.get('/late-throw', async (c) => {
    await stall('/late-throw', c.env.outgoing)
    throw new Error('late')
  })
  app.get('/body-late', async (c) => {
    await stall('/body-late', c.env.outgoing)
    return c.body(endlessBody('/body-late'))
  })
  app.get('/long', longer(longerMs), async (c) => {
    await inTime(c.env.outgoing)
    return c.text('in time')
  })
  app.get('/off', ...off, async (c) => {
    await inTime(c.env.outgoing)
    return c.text('in time')
  })
  app.get('/report', (c) => c.json(report()))
  return app
}
