import { type Context, Hono } from 'hono'
import { cors } from 'hono/cors'
import { requestId } from 'hono/request-id'
import { describe, expect, test } from 'vitest'
import { never, observed, read, soon, timeoutReply } from '../test/support.ts'
import { curfew, deadline, scopeOf } from './index.ts'

describe('scope.response', () => {
  const written = (c: Context): Response => {
    const { response } = scopeOf(c)
    response.status = 201
    response.headers.set('location', '/orders/7')
    response.text('created')
    return undefined as never
  }

  test.each([
    ['alone', (app: Hono) => app],
    [
      'behind middleware that waits for next()',
      (app: Hono) =>
        app.use(async (_, next) => {
          await next()
        }),
    ],
    ['behind deadline()', (app: Hono) => app.use(deadline(500))],
    ['under an inner curfew()', (app: Hono) => app.use(curfew({ maxBytes: 1_000 }))],
  ])('what a handler wrote into it %s is the response, with what was set outside', async (_, wrap) => {
    const { clock, options, outcomes } = observed()
    const app = new Hono()
    app.use(cors())
    app.use(async (c, next) => {
      c.header('x-before', '1')
      await next()
      c.header('x-after', '1')
    })
    app.use(curfew(options))
    wrap(app)
    app.get('/', async (c) => written(c))
    expect(await read(await soon(app.request('/')))).toEqual({
      status: 201,
      headers: [
        ['access-control-allow-origin', '*'],
        ['content-type', 'text/plain; charset=utf-8'],
        ['location', '/orders/7'],
        ['x-after', '1'],
        ['x-before', '1'],
      ],
      body: 'created',
    })
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'completed', status: 201 }])
  })

  test('what was set on c before is in it where nothing of it was read before', async () => {
    const { options } = observed()
    const app = new Hono()
    app.use(requestId({ generator: () => 'id-1' }))
    app.use(curfew(options))
    app.get('/', async (c) => written(c))
    const { headers } = await soon(app.request('/'))
    expect(headers.get('location')).toBe('/orders/7')
    expect(headers.get('x-request-id')).toBe('id-1')
  })

  test('can be returned, too: middleware that returns next(), as bodyLimit() does, needs that', async () => {
    const { options } = observed()
    const app = new Hono()
    app.use(cors())
    app.use(curfew(options))
    app.use((_, next) => next())
    app.get('/', (c) => {
      written(c)
      return scopeOf(c).response.toResponse()
    })
    expect(await read(await soon(app.request('/')))).toMatchObject({ status: 201, body: 'created' })
  })

  test('a response that the handler returns comes first', async () => {
    const { options } = observed()
    const app = new Hono()
    app.use(curfew(options))
    app.get('/', async (c) => {
      written(c)
      return c.text('returned')
    })
    expect(await read(await soon(app.request('/')))).toMatchObject({ status: 200, body: 'returned' })
  })

  test('nothing of it is in the timeout reply', async () => {
    const { clock, options } = observed()
    const app = new Hono()
    app.use(curfew(options))
    app.get('/', (c) => {
      written(c)
      return never()
    })
    const reply = app.request('/')
    await clock.advance(100)
    expect(await read(await soon(reply))).toEqual(timeoutReply)
  })
})
