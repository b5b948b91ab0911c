import { Readable } from 'node:stream'
import hapi from '@hapi/hapi'
import {
  cancelled,
  errorHandled,
  inTime,
  limitMs,
  longerMs,
  recorded,
  report,
  serving,
  stall,
} from './notes.js'

const app = hapi.server({
  port: 0,
  host: '127.0.0.1',
  debug: false,
  routes: { timeout: { server: limitMs } },
})

app.ext('onPreResponse', (request, h) => {
  if (request.response.isBoom) errorHandled(request.path)
  return h.continue
})
app.events.on('response', ({ path, response }) => {
  const status = response.statusCode ?? response.output.statusCode
  const as = { 200: 'completed', 499: 'client-closed', 503: 'timeout' }
  recorded(path, as[status] ?? 'error')
})

function get(path, handler, options) {
  app.route({ method: 'GET', path, handler, options })
}

get('/slow', async (request, h) => {
  h.state('session', 'secret')
  const response = h.response('late').header('x-leak', 'secret')
  await stall(request.path, request.raw.res)
  return response
})
app.route({
  method: 'POST',
  path: '/upload',
  handler: async (request) => {
    await stall(request.path, request.raw.res, request.signal ?? request.raw.req.signal)
    return 'late'
  },
})
for (const path of ['/signal', '/client']) {
  get(path, async (request) => {
    await stall(request.path, request.raw.res, request.signal ?? request.raw.req.signal)
    return 'late'
  })
}
get('/late-throw', async (request) => {
  await stall(request.path, request.raw.res)
  throw new Error('late')
})
get('/body-late', async (request) => {
  await stall(request.path, request.raw.res)
  return new Readable({ read() {} }).on('close', () => cancelled(request.path))
})
get('/long', inTimeAnswer, { timeout: { server: longerMs } })
get('/off', inTimeAnswer, { timeout: { server: false } })
get('/report', () => report())

async function inTimeAnswer(request) {
  await inTime(request.raw.res)
  return 'in time'
}

await app.start()
await serving(app.listener, { app, module: hapi })
