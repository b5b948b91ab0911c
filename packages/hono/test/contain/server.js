// A Hono app whose routes crash, under contain(). It says on stdout how each of its requests ended.
import { curfew } from '@curfew/hono'
import { contain, serve } from '@curfew/node'
import { Hono } from 'hono'
import { cors } from 'hono/cors'

const say = (event, more) => console.log(JSON.stringify({ event, ...more }))

contain()

const app = new Hono()
app.use(cors())
app.use(
  curfew({
    timeoutMs: 10_000,
    onOutcome: ({ kind, escaped }, { url }) => say('outcome', { path: new URL(url).pathname, kind, escaped }),
  }),
)
app.onError((error, c) => c.json({ sorry: error.message }, 500))

app.get('/timer', (c) => {
  c.header('x-secret', 'of the handler')
  setTimeout(() => {
    throw new Error('timer')
  })
  return new Promise(() => {})
})

app.get('/detached', async (c) => {
  c.header('x-secret', 'of the handler')
  void Promise.reject(new Error('detached'))
  return new Promise(() => {})
})

app.get('/hello', (c) => c.text('hello'))

const server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 })
say('listening', { url: `http://127.0.0.1:${(await server.listening).port}` })
process.once('SIGTERM', () => server.close({ graceMs: 0 }))
