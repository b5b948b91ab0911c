import { once } from 'node:events'
import { hostname } from 'node:os'
import type { GuardOptions } from '@curfew/core'
import { type Hook, type Report, type ReporterOptions, reporter } from '@curfew/core/report'
import { serve } from '@hono/node-server'
import { type Context, Hono } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { requestId } from 'hono/request-id'
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { reporting as reportingTo } from '../../core/test/reporting.ts'
import { clientThread } from '../../node/test/client-thread.ts'
import { fetchOver, oneConnection, served } from '../test/sockets.ts'
import { deferred, never, raise, read, soon } from '../test/support.ts'
import { curfew } from './index.ts'

const boom = new Error('boom')

beforeEach(() => {
  vi.spyOn(console, 'error').mockImplementation(() => {})
})

afterEach(() => {
  vi.restoreAllMocks()
})

/** An app whose guard reports, and what is asked of it. */
function scene(
  routes: (app: Hono) => void,
  { outside = () => {}, ...options }: Partial<ReporterOptions> & { outside?: (app: Hono) => void } = {},
  guardOptions: GuardOptions = {},
) {
  const { options: given, ...watched } = reportingTo({ dedupeMs: false, ...options })
  const app = new Hono()
  outside(app)
  app.use(curfew({ timeoutMs: 100, ...given, ...guardOptions }))
  routes(app)
  return {
    ...watched,
    app,
    /** The reply, and the reports that there are then. */
    async ask(path: string, init?: RequestInit): Promise<{ response: Response; reports: Report[] }> {
      const reply = Promise.resolve(app.request(path, init))
      await watched.clock.advance(100)
      const response = await soon(reply)
      await watched.made()
      return { response, reports: watched.reports.splice(0) }
    },
  }
}

describe('the route of a report', () => {
  const fail = (): never => raise(boom)

  test('is the pattern of the handler that failed', async () => {
    const { ask } = scene((app) => {
      app.get('/', fail)
      app.get('/users/:id', fail)
      app.post('/files/*', fail)
      app.on(['PUT', 'PATCH'], ['/a/:b{[0-9]+}', '/c'], fail)
    })
    for (const [method, path, route] of [
      ['GET', '/', '/'],
      ['GET', '/users/7', '/users/:id'],
      ['POST', '/files/a/b', '/files/*'],
      ['PUT', '/a/5', '/a/:b{[0-9]+}'],
      ['PATCH', '/c', '/c'],
    ] as const) {
      expect((await ask(path, { method })).reports).toMatchObject([{ request: { method, route } }])
    }
  })

  test('is whole under sub-apps and base paths', async () => {
    const { ask } = scene((app) => {
      const inner = new Hono().get('/:item', fail)
      app.route('/shop/:shop', new Hono().route('/items', inner).get('/', fail))
      app.basePath('/v1').get('/users/:id', fail)
    })
    for (const [path, route] of [
      ['/shop/7/items/9', '/shop/:shop/items/:item'],
      ['/shop/7', '/shop/:shop'],
      ['/v1/users/7', '/v1/users/:id'],
    ] as const) {
      expect((await ask(path)).reports).toMatchObject([{ request: { route } }])
    }
  })

  test('is whole under an app of its own onError, whose error is told as it was', async () => {
    const { ask, thrown } = scene((app) => {
      const sub = new Hono().onError((_, c) => c.text('sub', 502)).get('/:id', fail)
      app.route('/sub', sub)
    })
    const { reports } = await ask('/sub/7')
    expect(reports).toMatchObject([{ request: { route: '/sub/:id' }, outcome: { status: 502 } }])
    expect(thrown).toEqual([boom])
    expect(thrown[0]).toBe(boom)
  })

  test('is that of the handler also where inner middleware fails after it', async () => {
    const { ask } = scene((app) => {
      app.use('/users/*', async (_, next) => {
        await next()
        throw boom
      })
      app.get('/users/:id', (c) => c.text('fine'))
    })
    expect((await ask('/users/7')).reports).toMatchObject([{ request: { route: '/users/:id' } }])
  })

  test('is the pattern also of a handler that timed out, and of one that was not known by its route', async () => {
    const { ask } = scene((app) => void app.get('/slow/:id', never), { on: ['timed-out'] })
    expect((await ask('/slow/7')).reports).toMatchObject([
      { kind: 'timed-out', request: { route: '/slow/:id' } },
    ])
  })

  test('is left out where only middleware for everything ran', async () => {
    const { ask } = scene((app) => void app.use(async () => raise(boom)))
    const { reports } = await ask('/nowhere')
    expect(reports).toHaveLength(1)
    expect(reports[0]!.request).not.toHaveProperty('route')
  })

  test('is left out where there is none', async () => {
    const { ask } = scene((app) => void app.notFound(() => raise(boom)))
    const { reports } = await ask('/nowhere')
    expect(reports).toMatchObject([{ kind: 'failed', error: { message: 'boom' } }])
    expect(reports[0]!.request).not.toHaveProperty('route')
  })
})

describe('the request id of hono/request-id', () => {
  const outside = (app: Hono): void => void app.use(requestId({ generator: () => 'made-by-hono' }))

  const ways: [name: string, handler: (c: Context) => Response | Promise<Response>, status: number][] = [
    ['a failure', () => raise(boom), 500],
    ['a failure that comes later', async () => raise(boom), 500],
    ['a timeout', never, 503],
    ['an HTTPException', () => raise(new HTTPException(502)), 502],
  ]

  test.each(ways)('is the one of the report of %s', async (_, handler, status) => {
    const { ask } = scene((app) => void app.get('/', handler), { outside, on: ['failed', 'timed-out'] })
    const { response, reports } = await ask('/')
    expect([response.status, response.headers.get('x-request-id')]).toEqual([status, 'made-by-hono'])
    expect(reports).toMatchObject([{ request: { id: 'made-by-hono' } }])
  })

  test('is the one of a late report, too', async () => {
    const work = deferred()
    const { ask, made, reports } = scene(
      (app) => void app.get('/', async (c) => c.json(await work.promise)),
      {
        outside,
        on: ['late'],
      },
    )
    await ask('/')
    work.reject(boom)
    await made()
    expect(reports).toMatchObject([{ kind: 'late', request: { id: 'made-by-hono', route: '/' } }])
  })

  test('is the one that the request came with', async () => {
    const { ask } = scene((app) => void app.get('/', () => raise(boom)), { outside })
    const { reports } = await ask('/', { headers: { 'x-request-id': 'from-proxy' } })
    expect(reports).toMatchObject([{ request: { id: 'from-proxy' } }])
  })
})

describe('an error', () => {
  test('of which onError makes a 500 is reported once, as it was thrown', async () => {
    const { app, ask, thrown } = scene((app) => void app.get('/', async () => raise(boom)))
    app.onError((error, c) => c.json({ sorry: error.message }, 500))
    const { response, reports } = await ask('/')
    expect(await read(response)).toMatchObject({ status: 500, body: '{"sorry":"boom"}' })
    expect(reports).toMatchObject([
      {
        kind: 'failed',
        error: { name: 'Error', message: 'boom', stack: expect.stringContaining('reporter.test.ts') },
        response: { status: 500, headers: { 'content-type': 'application/json' } },
      },
    ])
    expect(thrown[0]).toBe(boom)
  })

  test('of which onError makes less than a 500 is not reported', async () => {
    const { app, ask } = scene((app) => void app.get('/', async () => raise(boom)))
    app.onError((_, c) => c.text('gone', 410))
    expect((await ask('/')).reports).toEqual([])
  })

  test('that onError throws on is reported once', async () => {
    const { app, ask } = scene((app) => void app.get('/', async () => raise(boom)), {}, { rethrow: false })
    app.onError((error) => raise(error))
    const { response, reports } = await ask('/')
    expect(response.status).toBe(500)
    expect(reports).toMatchObject([{ kind: 'failed', error: { message: 'boom' } }])
  })

  test.each([400, 401, 404, 422, 429, 499])(
    'that is an HTTPException of %i is not reported',
    async (status) => {
      const { ask } = scene((app) => void app.get('/', () => raise(new HTTPException(status as 400))))
      const { response, reports } = await ask('/')
      expect(response.status).toBe(status)
      expect(reports).toEqual([])
    },
  )

  test.each([500, 502, 503])('that is an HTTPException of %i is reported, with its cause', async (status) => {
    const error = new HTTPException(status as 500, { message: 'no luck', cause: boom })
    const { ask, thrown } = scene((app) => void app.get('/', () => raise(error)))
    const { reports } = await ask('/')
    expect(reports).toMatchObject([
      {
        error: { message: 'no luck', cause: { message: 'boom' } },
        outcome: { status },
        response: { status },
      },
    ])
    expect(thrown[0]).toBe(error)
  })

  test.each([
    ['a string', 'boom'],
    ['undefined', undefined],
  ])('that is %s, and no Error, comes out of the app as ever, and is reported once', async (_, value) => {
    const { app, made, reports, thrown } = scene((app) => void app.get('/', async () => raise(value)))
    const result = Promise.resolve(app.request('/')).then(
      () => ({}),
      (error: unknown) => ({ error }),
    )
    expect(await soon(result)).toEqual({ error: value })
    await made()
    expect(reports).toHaveLength(1)
    expect(thrown).toEqual([value])
  })

  test('is reported once where several guards have the same reporter', async () => {
    const { options, made, reports } = reportingTo()
    const app = new Hono()
    app.use(curfew(options))
    app.use('/in/*', curfew(options))
    app.get('/in/:id', curfew(options), async () => raise(boom))
    expect((await soon(app.request('/in/7'))).status).toBe(500)
    await made()
    expect(reports).toMatchObject([{ request: { route: '/in/:id' } }])
  })

  test('is not reported where nobody asks, and neither is a response', async () => {
    const { ask } = scene((app) => {
      app.get('/fine', (c) => c.text('fine'))
      app.get('/slow', never)
    })
    for (const path of ['/fine', '/slow', '/nowhere']) expect((await ask(path)).reports).toEqual([])
  })
})

describe('the body of a report is what the handler has read', () => {
  const json = '{"name":"Ada","age":36,"password":"sesame-open"}'
  const form = new URLSearchParams({ name: 'Ada', password: 'sesame-open' }).toString()
  const allow = { body: ['name'] }

  const ways: [
    name: string,
    readIt: (c: Context) => Promise<unknown>,
    type: string,
    body: string,
    told: object | undefined,
  ][] = [
    [
      'c.req.json()',
      (c) => c.req.json(),
      'application/json',
      json,
      { kind: 'json', value: { name: 'Ada', age: '[redacted]', password: '[redacted]' } },
    ],
    [
      'c.req.text()',
      (c) => c.req.text(),
      'application/json',
      json,
      { kind: 'json', value: { name: 'Ada', age: '[redacted]', password: '[redacted]' } },
    ],
    [
      'c.req.parseBody()',
      (c) => c.req.parseBody(),
      'application/x-www-form-urlencoded',
      form,
      {
        kind: 'form',
        fields: [
          { name: 'name', value: 'Ada' },
          { name: 'password', value: '[redacted]' },
        ],
      },
    ],
    [
      'c.req.arrayBuffer(), and then as JSON, too',
      async (c) => [await c.req.arrayBuffer(), await c.req.json()],
      'application/json',
      json,
      { kind: 'json' },
    ],
    [
      'c.req.raw.body',
      (c) => new Response(c.req.raw.body).text(),
      'text/plain',
      'hello',
      { kind: 'text', text: 'hello' },
    ],
    ['no method at all', async () => {}, 'application/json', json, undefined],
  ]

  test.each(ways)('by %s', async (_, readIt, type, body, told) => {
    const { ask } = scene(
      (app) =>
        void app.post('/', async (c) => {
          await readIt(c)
          throw boom
        }),
      { redact: { allow } },
    )
    const { reports } = await ask('/', { method: 'POST', body, headers: { 'content-type': type } })
    expect(reports).toHaveLength(1)
    if (told) expect(reports[0]!.request.body).toMatchObject({ ...told, bytes: body.length, complete: true })
    else expect(reports[0]!.request).not.toHaveProperty('body')
  })

  test('by c.req.parseBody() of a form with a file', async () => {
    const { ask } = scene(
      (app) =>
        void app.post('/', async (c) => {
          const { file } = await c.req.parseBody()
          throw Object.assign(new Error('Too big'), { status: (file as File).size })
        }),
      { redact: { allow } },
    )
    const body = new FormData()
    body.append('name', 'Ada')
    body.append('file', new File(['12345'], 'five.txt', { type: 'text/plain' }))
    const { reports } = await ask('/', { method: 'POST', body })
    expect(reports).toMatchObject([
      {
        error: { message: 'Too big', fields: { status: 5 } },
        request: {
          body: {
            kind: 'multipart',
            complete: true,
            fields: [
              { name: 'name', value: 'Ada' },
              { name: 'file', file: { type: expect.stringContaining('text/plain'), bytes: 5 } },
            ],
          },
        },
      },
    ])
  })

  test('while the reply is what it is without a reporter', async () => {
    const routes = (app: Hono): void => {
      app.post('/', async (c) => c.json({ got: await c.req.json(), again: await c.req.text() }))
    }
    const { ask } = scene(routes)
    const bare = new Hono()
    routes(bare)
    const init = { method: 'POST', body: json, headers: { 'content-type': 'application/json' } }
    const { response } = await ask('/', init)
    expect(await read(response)).toEqual(await read(await bare.request('/', init)))
  })
})

test('under a guarded serve() with the same reporter there is one report, of what was really sent', async () => {
  const fired = deferred<Report>()
  const fire = (report: Report): void => fired.resolve(report)
  const reports = reporter({ hooks: [fire] })
  const app = new Hono()
  app.use(requestId({ generator: () => 'made-by-hono' }))
  app.use(curfew({ reporter: reports }))
  app.get('/users/:id', async () => raise(boom))
  const { server, url } = await served({ fetch: app.fetch, reporter: reports })
  expect(await fetchOver(oneConnection(), `${url}/users/7`)).toMatchObject({ status: 500 })
  expect(await fired.promise).toMatchObject({
    error: { message: 'boom' },
    request: { id: 'made-by-hono', route: '/users/:id', url: `${url}/users/7` },
    response: { status: 500, headers: { 'x-request-id': 'made-by-hono' } },
    where: { hostname: hostname() },
  })
  await server.close()
  expect(reports.stats).toMatchObject({ reported: 1, repeated: 0 })
})

describe('on a server that knows nothing of Curfew', () => {
  test.each([
    ['/at-once', 500],
    ['/later', 500],
    ['/late', 503],
  ])('a hook that blocks until the client has the reply of %s has it at once', async (path, status) => {
    const blocked: boolean[] = []
    const fired = deferred()
    const blocking: Hook = {
      name: 'blocking',
      fire() {
        blocked.push(client.block())
        fired.resolve()
      },
    }
    const reports = reporter({ hooks: [blocking], on: ['failed', 'timed-out'] })
    const app = new Hono()
    app.use(curfew({ timeoutMs: 20, reporter: reports }))
    app.get('/at-once', () => raise(boom))
    app.get('/later', async () => raise(boom))
    app.get('/late', never)
    const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' })
    onTestFinished(() => void server.close())
    await once(server, 'listening')
    const client = clientThread((server.address() as { port: number }).port, path)
    await fired.promise
    expect(blocked).toEqual([true])
    expect(await client.reply).toMatchObject({ status })
    expect(await reports.flush()).toBe(true)
  })
})
