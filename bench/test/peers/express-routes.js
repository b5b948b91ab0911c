import express from 'express'
import { errorHandled, inTime, longerMs, recorded, report, stall, stallThen } from './notes.js'

/** The routes between `limit` and `errors`, lists of middleware. Handlers are promises, or callbacks. */
export function createApp({ limit, longer, off, errors = [] }) {
  const app = express()
  app.use(...limit)

  app.get('/slow', async (req, res) => {
    res.set('x-leak', 'secret')
    res.cookie('session', 'secret')
    await stall(req.path, res)
    res.send('late')
  })
  app.get('/callback-answer', (req, res) => {
    stallThen(req.path, res, () => res.send('late'))
  })
  app.get('/callback-header', (req, res) => {
    stallThen(req.path, res, () => res.setHeader('x-late', '1'))
  })
  app.post('/upload', async (req, res) => {
    await stall(req.path, res, req.signal)
    res.send('late')
  })
  app.get(['/signal', '/client'], async (req, res) => {
    await stall(req.path, res, req.signal)
    res.send('late')
  })
  app.get('/late-throw', async (req, res) => {
    await stall(req.path, res)
    throw new Error('late')
  })
  app.get('/long', ...longer(longerMs), async (_req, res) => {
    await inTime(res)
    res.send('in time')
  })
  app.get('/off', ...off, async (_req, res) => {
    await inTime(res)
    res.send('in time')
  })
  app.get('/report', (_req, res) => res.json(report()))

  for (const middleware of errors) app.use(middleware)
  app.use((error, req, _res, next) => {
    errorHandled(req.path)
    recorded(req.path, error.timeout ? 'timeout' : 'error')
    next(error)
  })
  return app
}
