import timeout from 'connect-timeout'
import express from 'express'
import { createApp } from './express-routes.js'
import { limitMs, serving } from './notes.js'

const app = createApp({
  limit: [timeout(limitMs), express.json(), haltOnTimedout],
  longer: (ms) => [clearTimeout, timeout(ms)],
  off: [clearTimeout],
})

function haltOnTimedout(req, _res, next) {
  if (!req.timedout) next()
}

function clearTimeout(req, _res, next) {
  req.clearTimeout()
  next()
}

await serving(app.listen(0, '127.0.0.1'), { app, module: timeout })
