import { curfew, deadline } from '@curfew/hono'
import { serve } from '@curfew/node'
import { createApp } from './hono-routes.js'
import { errorHandled, recorded, serving } from './notes.js'

let guard
const app = createApp({
  limit: (ms) => {
    guard = curfew({
      timeoutMs: ms,
      onOutcome: (outcome, request) => recorded(pathOf(request), outcome.kind),
    })
    return guard
  },
  longer: deadline,
  off: [deadline(false)],
  onError: (error, c) => {
    errorHandled(c.req.path)
    return c.text(error.message, 500)
  },
})

function pathOf({ url }) {
  return new URL(url).pathname
}

const { server } = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' })
await serving(server, { app, guard })
