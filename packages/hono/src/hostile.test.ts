import { Hono, type MiddlewareHandler } from 'hono'
import { setCookie } from 'hono/cookie'
import { describe, expect, test } from 'vitest'
import { deferred, never, observed, read, soon, timeoutReply } from '../test/support.ts'
import { curfew, scopeOf } from './index.ts'

/** A session of its own for each request, set around the guard. */
function sessions(): MiddlewareHandler {
  let users = 0
  return async (c, next) => {
    setCookie(c, 'session', `user-${++users}`)
    await next()
  }
}

const ownSessions = [1, 2, 3].map((user) => [`session=user-${user}; Path=/`])

describe('one response for all requests', () => {
  const denied: [name: string, raise: (shared: Response) => () => Promise<never>][] = [
    [
      'thrown',
      (shared) => async () => {
        throw shared
      },
    ],
    [
      'brought by an error',
      (shared) => async () => {
        throw Object.assign(new Error('denied'), { getResponse: () => shared })
      },
    ],
  ]

  test.each(denied)('%s by handlers collects no cookies of others', async (_, raise) => {
    const shared = new Response(null, { status: 401 })
    const app = new Hono()
    app.use(sessions())
    app.use(curfew())
    app.get('/', raise(shared))
    for (const own of ownSessions) {
      const response = await soon(app.request('/'))
      expect(response.status).toBe(401)
      expect(response.headers.getSetCookie()).toEqual(own)
    }
    expect([...shared.headers]).toEqual([])
  })

  test('given for every timeout collects no cookies of others', async () => {
    const shared = new Response(null, { status: 503 })
    const { clock, options } = observed({ timeoutResponse: () => shared })
    const app = new Hono()
    app.use(sessions())
    app.use(curfew(options))
    app.get('/', never)
    for (const own of ownSessions) {
      const reply = app.request('/')
      await clock.advance(100)
      const response = await soon(reply)
      expect(response.status).toBe(503)
      expect(response.headers.getSetCookie()).toEqual(own)
    }
    expect([...shared.headers]).toEqual([])
  })

  test('given for every failure collects no cookies of others', async () => {
    const shared = new Response(null, { status: 500 })
    const { options } = observed({ rethrow: false, failureResponse: () => shared })
    const app = new Hono()
    app.use(sessions())
    app.use(curfew(options))
    app.onError((error) => {
      throw error
    })
    app.get('/', () => {
      throw new Error('boom')
    })
    for (const own of ownSessions) {
      const response = await soon(app.request('/'))
      expect(response.status).toBe(500)
      expect(response.headers.getSetCookie()).toEqual(own)
    }
    expect([...shared.headers]).toEqual([])
  })
})

test('what an abort listener does late does not reach the client', async () => {
  const { clock, options } = observed()
  const hand = deferred()
  const written = deferred()
  const app = new Hono()
  app.use(async (_, next) => {
    await next()
    // The response is still to be sent when the listener goes on.
    hand.resolve()
    await written.promise
  })
  app.use(curfew(options))
  app.get('/', (c) => {
    scopeOf(c).signal.addEventListener('abort', async () => {
      await hand.promise
      setCookie(c, 'session', 'secret')
      c.header('x-late', 'secret')
      c.status(201)
      written.resolve()
    })
    return never()
  })
  const reply = app.request('/')
  await clock.advance(100)
  expect(await read(await soon(reply))).toEqual(timeoutReply)
})
