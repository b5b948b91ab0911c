import { Readable } from 'node:stream'
import fastify from 'fastify'
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
  stallThen,
} from './notes.js'

const app = fastify({ handlerTimeout: limitMs })

app.setErrorHandler((error, request, reply) => {
  errorHandled(request.url)
  recorded(request.url, error.code === 'FST_ERR_HANDLER_TIMEOUT' ? 'timeout' : 'error')
  reply.send(error)
})
app.addHook('onRequestAbort', async (request) => recorded(request.url, 'client-closed'))
app.addHook('onResponse', async (request, reply) => {
  if (reply.statusCode < 500) recorded(request.url, 'completed')
})

app.get('/slow', async (request, reply) => {
  reply.header('x-leak', 'secret')
  reply.header('set-cookie', 'session=secret')
  await stall(request.url, reply.raw)
  return 'late'
})
app.get('/callback-answer', (request, reply) => {
  stallThen(request.url, reply.raw, () => reply.send('late'))
})
app.get('/callback-header', (request, reply) => {
  stallThen(request.url, reply.raw, () => reply.header('x-late', '1'))
})
app.post('/upload', async (request, reply) => {
  await stall(request.url, reply.raw, request.signal)
  return 'late'
})
for (const path of ['/signal', '/client']) {
  app.get(path, async (request, reply) => {
    await stall(request.url, reply.raw, request.signal)
    return 'late'
  })
}
app.get('/late-throw', async (request, reply) => {
  await stall(request.url, reply.raw)
  throw new Error('late')
})
app.get('/body-late', async (request, reply) => {
  await stall(request.url, reply.raw)
  return new Readable({ read() {} }).on('close', () => cancelled(request.url))
})
app.get('/long', { handlerTimeout: longerMs }, async (_request, reply) => {
  await inTime(reply.raw)
  return 'in time'
})
app.get('/off', off(), async (_request, reply) => {
  await inTime(reply.raw)
  return 'in time'
})
app.get('/report', async () => report())

/** A limit has to be above zero, so there is nothing. */
function off() {
  try {
    fastify().get('/', { handlerTimeout: 0 }, async () => '')
    return { handlerTimeout: 0 }
  } catch {
    return {}
  }
}

await app.listen({ port: 0, host: '127.0.0.1' })
await serving(app.server, { app, module: fastify })
