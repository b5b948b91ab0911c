import { Hono } from 'hono'
import { describe, expect, test, vi } from 'vitest'
import { deferred, never, observed, soon } from '../test/support.ts'
import { curfew, scopeOf } from './index.ts'

function onEdge(options = {}) {
  const { options: given, clock } = observed({ timeoutMs: 100, ...options })
  const app = new Hono()
  app.use(curfew(given))
  const waitUntil = vi.fn<(work: Promise<unknown>) => void>()
  return {
    app,
    clock,
    waitUntil,
    ask: (path: string) =>
      app.fetch(
        new Request(`http://localhost${path}`),
        {},
        { waitUntil, passThroughOnException() {}, props: {} },
      ),
  }
}

describe('where there is an execution context', () => {
  test('it is asked to wait for an abandoned handler', async () => {
    const { app, clock, waitUntil, ask } = onEdge()
    const work = deferred<Response>()
    app.get('/', () => work.promise)
    const reply = ask('/')
    expect(waitUntil).not.toHaveBeenCalled()
    await clock.advance(100)
    expect((await soon(Promise.resolve(reply))).status).toBe(503)
    expect(waitUntil).toHaveBeenCalledTimes(1)
    work.resolve(new Response())
    await expect(soon(waitUntil.mock.calls[0]![0])).resolves.toBe(undefined)
  })

  test('it is asked to wait for what scope.waitUntil() is given, and for asynchronous hooks', async () => {
    const { app, clock, waitUntil, ask } = onEdge({ onOutcome: async () => {} })
    app.get('/', (c) => {
      scopeOf(c).waitUntil(Promise.resolve())
      return c.text('hello')
    })
    await ask('/')
    await clock.advance(0)
    expect(waitUntil).toHaveBeenCalledTimes(2)
  })

  test('an option waitUntil is asked instead', async () => {
    const own = vi.fn()
    const { app, clock, waitUntil, ask } = onEdge({ waitUntil: own })
    app.get('/', never)
    void ask('/')
    await clock.advance(100)
    expect(waitUntil).not.toHaveBeenCalled()
    expect(own).toHaveBeenCalledTimes(1)
  })
})

test('where there is none, it is not looked for while handlers are in time, and not missed when they are not', async () => {
  const { app, clock } = onEdge()
  let context!: object
  app.get('/', (c) => {
    context = Object.getPrototypeOf(c)
    return c.text('hello')
  })
  app.get('/never', never)
  await app.request('/')
  const looked = vi.spyOn(context as { executionCtx: unknown }, 'executionCtx', 'get')
  await app.request('/')
  expect(looked).not.toHaveBeenCalled()
  const reply = app.request('/never')
  await clock.advance(100)
  expect((await soon(Promise.resolve(reply))).status).toBe(503)
  expect(looked).toHaveBeenCalled()
  looked.mockRestore()
})
