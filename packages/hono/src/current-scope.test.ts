import { guard, type Scope, scopeOf as scopeOfRequest } from '@curfew/core'
import { currentScope } from '@curfew/core/context'
import { Hono } from 'hono'
import { expect, test } from 'vitest'
import { curfew, scopeOf } from './index.ts'

test('currentScope() is that of the handler in Hono, as scopeOf(c) is', async () => {
  const app = new Hono()
  app.use(curfew())
  app.get('/', async (c) => {
    await new Promise((resolve) => setTimeout(resolve, 0))
    return c.text(String(currentScope() === scopeOf(c)))
  })
  expect(await (await app.request('/')).text()).toBe('true')
  expect(currentScope()).toBeUndefined()
})

test('what a guard of the core runs for another request inside still knows whose response it writes to', async () => {
  const seen: (Scope | undefined)[] = []
  const other = new Request('http://localhost/other')
  let late: Promise<unknown> | undefined
  const app = new Hono()
  app.use(async (c, next) => {
    await next()
    c.res.headers.set('x-outer', 'yes')
  })
  app.use(curfew({ timeoutMs: 20 }))
  app.get('/', (c) => {
    const inner = guard(async () => {
      seen.push(currentScope())
      await new Promise((resolve) => scopeOf(c).signal.addEventListener('abort', resolve))
      c.header('x-late', 'yes')
      return new Response()
    })
    late = Promise.resolve(inner(other))
    return late.then(() => c.text('late'))
  })
  const response = await app.request('/')
  await late
  expect(response.status).toBe(503)
  expect(response.headers.get('x-outer')).toBe('yes')
  expect(response.headers.has('x-late')).toBe(false)
  expect(seen).toEqual([scopeOfRequest(other)])
})
