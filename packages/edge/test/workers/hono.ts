import { env } from 'cloudflare:workers'
import { guard } from '@curfew/edge'
import { curfew, scopeOf } from '@curfew/hono'
import { Hono } from 'hono'
import { pathOf, sleep, write } from './support.ts'

const limited = curfew({
  timeoutMs: 200,
  onOutcome: ({ kind }, request) => write({ event: 'ending', kind, path: pathOf(request) }),
})

const app = new Hono()
app.get('/stats', (c) => c.json(limited.stats))
app.use(limited)

// Looks at no signal, and says so when it is done.
app.get('/deaf', async (c) => {
  await sleep(600)
  write({ event: 'done', path: pathOf(c.req.raw) })
  return c.text('too late')
})

app.get('/wait-until', (c) => {
  scopeOf(c).waitUntil(sleep(300).then(() => write({ event: 'done', path: '/wait-until' })))
  return c.text('before')
})

app.post('/upload', async (c) => c.text(await c.req.text()))

// An app is what Workers call; or what a guard calls.
export default env.WRAPPED === 'yes' ? { fetch: guard(app.fetch as never, { timeoutMs: 100 }) } : app
