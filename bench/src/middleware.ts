import { curfew } from '@curfew/hono'
import { Hono, type MiddlewareHandler } from 'hono'
import { timeout } from 'hono/timeout'
import type { Cases } from './cases.ts'

function appWith(middleware?: MiddlewareHandler): () => unknown {
  const app = new Hono()
  if (middleware) app.use(middleware)
  app.get('/', async (c) => {
    for (let i = 0; i < 5; i++) await undefined
    return c.text('hi')
  })
  const request = new Request('http://localhost/')
  return () => app.fetch(request)
}

export const middlewareCases: Record<string, Cases> = {
  'Hono app, a handler that awaits five times': {
    'no middleware': appWith(),
    'no-op middleware': appWith((_c, next) => next()),
    'hono timeout': appWith(timeout(5_000)),
    curfew: appWith(curfew({ timeoutMs: 5_000 })),
  },
}
