import express from 'express'
import timeout from 'express-timeout-handler'
import { createApp } from './express-routes.js'
import { limitMs, recorded, serving } from './notes.js'

const options = {
  timeout: limitMs,
  onTimeout: (req, res) => {
    recorded(req.path, 'timeout')
    res.status(503).send('Service unavailable. Please retry.')
  },
}

const app = createApp({
  limit: [timeout.handler(options), express.json()],
  longer: (ms) => [timeout.set(ms)],
  off: off(),
})

/** A limit has to be above zero, so there is nothing. */
function off() {
  try {
    return [timeout.set(0)]
  } catch {
    return []
  }
}

await serving(app.listen(0, '127.0.0.1'), { app, module: timeout, options })
