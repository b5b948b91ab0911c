import { guard } from '@curfew/core'
import { curfew } from '@curfew/hono'
import { createListener } from '@curfew/node'
import { Hono, type MiddlewareHandler } from 'hono'
import { timeout } from 'hono/timeout'
import { compare } from './compare.ts'
import { lightRequest } from './light-request.ts'

// Apps on Node run with node-server's `Response`, which its first listener installs.
createListener(() => new Response())

function appWith(...middleware: MiddlewareHandler[]): Hono {
  const app = new Hono()
  app.use(...middleware)
  app.get('/', async (c) => {
    for (let i = 0; i < 3; i++) await undefined
    return c.text('hi')
  })
  return app
}

const noop: MiddlewareHandler = (_c, next) => next()
const plain = appWith(noop)
const timed = appWith(timeout(5_000))
const guarded = appWith(curfew({ timeoutMs: 5_000 }))
const around = guard((request) => plain.fetch(request), { timeoutMs: 5_000 })

// `curfew()` comes last: once an AsyncLocalStorage has been used, promises cost more in the whole process.
await compare({
  'a Hono app whose handler awaits three times': {
    'a no-op middleware': () => plain.fetch(lightRequest()),
    'guard() around it': () => around(lightRequest()),
    'hono timeout': () => timed.fetch(lightRequest()),
    'curfew()': () => guarded.fetch(lightRequest()),
    'a no-op middleware, after that': () => plain.fetch(lightRequest()),
  },
})
