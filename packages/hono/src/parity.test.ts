import { type Context, Hono, type MiddlewareHandler, type Next } from 'hono'
import { basicAuth } from 'hono/basic-auth'
import { bodyLimit } from 'hono/body-limit'
import { setCookie } from 'hono/cookie'
import { cors } from 'hono/cors'
import { etag } from 'hono/etag'
import { HTTPException } from 'hono/http-exception'
import { poweredBy } from 'hono/powered-by'
import { stream, streamSSE, streamText } from 'hono/streaming'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { raise, read, type Seen } from '../test/support.ts'
import { curfew, deadline } from './index.ts'

let logged: ReturnType<typeof vi.spyOn>
beforeEach(() => {
  logged = vi.spyOn(console, 'error').mockImplementation(() => {})
})
afterEach(() => logged.mockRestore())

const pass: MiddlewareHandler = async (_, next) => {
  await next()
}

/** The same app around each of them has to behave the same. */
const guards: [name: string, guard: () => MiddlewareHandler][] = [
  ['curfew()', () => curfew()],
  ['curfew() that never strikes', () => curfew({ timeoutMs: false, watch: 'eager' })],
  ['curfew({ buffer: true })', () => curfew({ buffer: true })],
  ['deadline() alone', () => deadline(1_000)],
]

/** Much of what Hono can do, with middleware on both sides of the guard. */
function everything(guard: MiddlewareHandler): Hono {
  const app = new Hono()
  app.use(cors({ origin: ['http://example.test'], credentials: true }))
  app.use(async (c, next) => {
    c.header('x-before', '1')
    setCookie(c, 'before', '1')
    await next()
    c.header('x-after', c.error ? 'error' : 'none')
  })
  app.use('/etag/*', etag())
  app.use(guard)
  app.use(poweredBy())

  app.get('/text', (c) => c.text('hello'))
  app.get('/async', async (c) => {
    await Promise.resolve()
    return c.text('hello')
  })
  app.get('/json', (c) => c.json({ hello: 'world' }, 201, { 'x-inner': '1' }))
  app.get('/html', (c) => c.html('<h1>hello</h1>'))
  app.get('/render', (c) => {
    c.setRenderer((content) => c.html(`<main>${content}</main>`))
    return c.render('hello')
  })
  app.get('/status', (c) => {
    c.status(202)
    c.header('x-inner', '1')
    c.header('x-inner', '2', { append: true })
    setCookie(c, 'a', '1')
    setCookie(c, 'b', '2')
    return c.body('hello')
  })
  app.get('/raw', () => new Response('hello', { status: 203, headers: { 'content-type': 'text/x-own' } }))
  app.get('/assigned', async (c, next) => {
    c.res = new Response('hello', { headers: { 'x-inner': '1' } })
    await next()
  })
  app.get('/bytes', (c) => c.body(new Uint8Array([1, 2, 3]).buffer))
  app.get('/empty', (c) => c.body(null, 204))
  app.get('/no-body', (c) => c.body(null))
  app.get('/redirect', (c) => c.redirect('/text'))
  app.get('/redirect/permanent', (c) => c.redirect('/text', 308))
  app.get('/stream', (c) =>
    stream(c, async (out) => {
      await out.write('one ')
      await out.write('two')
    }),
  )
  app.get('/stream-text', (c) => streamText(c, async (out) => void (await out.write('hello'))))
  app.get('/events', (c) => streamSSE(c, (out) => out.writeSSE({ data: 'hello', id: '1' })))
  app.get('/not-found', (c) => c.notFound())
  app.get('/error', () => raise(new Error('boom')))
  app.get('/error/async', async () => raise(new Error('boom')))
  app.get('/error/http', () => raise(new HTTPException(404, { message: 'nothing here' })))
  app.get('/error/http/5xx', () => raise(new HTTPException(503, { message: 'busy' })))
  app.get('/error/http/res', () => {
    const res = new Response('who are you', { status: 401, headers: { 'www-authenticate': 'Own' } })
    throw new HTTPException(401, { res })
  })
  app.get('/error/after', async (_, next) => {
    await next()
    throw new Error('after')
  })
  app.get('/error/after', (c) => c.text('hello', 201, { 'x-inner': '1' }))
  app.get('/params/:id/*', (c) => c.json([c.req.param('id'), c.req.path, c.req.query('q')]))
  app.get('/etag/it', (c) => c.text('hello'))
  app.post('/echo', async (c) => c.text(await c.req.text()))
  app.post('/limited', bodyLimit({ maxSize: 4 }), async (c) => c.text(await c.req.text()))
  app.use('/auth/*', basicAuth({ username: 'me', password: 'secret' }))
  app.get('/auth/page', (c) => c.text('welcome'))
  app.on('PURGE', '/purge', (c) => c.text('purged'))
  app.all('/all', (c) => c.text(c.req.method))

  const sub = new Hono()
  sub.onError((error, c) => c.text(`sub: ${error.message}`, 502))
  sub.use(async (c, next) => {
    await next()
    c.header('x-sub', '1')
  })
  sub.get('/', (c) => c.text('sub'))
  sub.get('/error', () => raise(new Error('boom')))
  app.route('/sub', sub)
  app.basePath('/base').get('/it', (c) => c.text(c.req.path))
  app.mount('/mounted', (request: Request) => {
    const { pathname } = new URL(request.url)
    if (pathname === '/error') throw new Error('mounted')
    return new Response(`mounted ${pathname}`, { headers: { 'x-mounted': '1' } })
  })
  return app
}

const requests: [path: string, init?: RequestInit][] = [
  ['/text'],
  ['/text', { method: 'HEAD' }],
  ['/text', { method: 'OPTIONS', headers: { origin: 'http://example.test' } }],
  ['/text', { headers: { origin: 'http://example.test' } }],
  ['/async'],
  ['/json'],
  ['/html'],
  ['/render'],
  ['/status'],
  ['/status', { method: 'HEAD' }],
  ['/raw'],
  ['/assigned'],
  ['/bytes'],
  ['/empty'],
  ['/no-body'],
  ['/redirect'],
  ['/redirect/permanent'],
  ['/stream'],
  ['/stream-text'],
  ['/events'],
  ['/not-found'],
  ['/nowhere'],
  ['/nowhere', { method: 'HEAD' }],
  ['/nowhere', { method: 'POST', body: 'hello' }],
  ['/error'],
  ['/error', { method: 'HEAD' }],
  ['/error/async'],
  ['/error/http'],
  ['/error/http/5xx'],
  ['/error/http/res'],
  ['/error/after'],
  ['/params/7/a%20b?q=1'],
  ['/etag/it'],
  ['/etag/it', { headers: { 'if-none-match': '"aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d"' } }],
  ['/echo', { method: 'POST', body: 'hello' }],
  ['/limited', { method: 'POST', body: 'hell' }],
  ['/limited', { method: 'POST', body: 'hello' }],
  ['/auth/page'],
  ['/auth/page', { headers: { authorization: `Basic ${btoa('me:secret')}` } }],
  ['/purge', { method: 'PURGE' }],
  ['/all', { method: 'DELETE' }],
  ['/sub'],
  ['/sub/error'],
  ['/sub/nowhere'],
  ['/base/it'],
  ['/mounted/path'],
  ['/mounted/error'],
]

const errorHandlers: [name: string, set: (app: Hono) => Hono][] = [
  ['Hono answers errors by itself', (app) => app],
  ['an onError of its own', (app) => app.onError((error, c) => c.json({ error: error.message }, 500))],
  ['an onError that answers 4xx', (app) => app.onError((_, c) => c.text('no', 418, { 'x-error': '1' }))],
  ['an onError that sets no status', (app) => app.onError(() => new Response('all is well'))],
  [
    'an onError that waits',
    (app) =>
      app.onError(async (error, c) => {
        await Promise.resolve()
        return c.text(error.message, 500)
      }),
  ],
  ['a notFound of its own', (app) => app.notFound((c) => c.json({ path: c.req.path }, 404))],
]

/** Chunks are how a body goes out, and one that has been buffered goes out whole. */
function unframed(seen: Seen): Seen {
  return { ...seen, headers: seen.headers.filter(([name]) => name !== 'transfer-encoding') }
}

describe.each(guards)('an app with %s answers as it does without', (_, guard) => {
  const named = requests.map(([path, init]) => [`${init?.method ?? 'GET'} ${path}`, path, init] as const)

  test.each(named)('%s', async (_, path, init) => {
    for (const [how, set] of errorHandlers) {
      const plain = await read(await set(everything(pass)).request(path, init))
      const guarded = await read(await set(everything(guard())).request(path, init))
      expect({ how, ...unframed(guarded) }).toEqual({ how, ...unframed(plain) })
    }
  })
})

test('the table is about many different responses', async () => {
  const seen = new Map<number, number>()
  for (const [path, init] of requests) {
    const { status } = await everything(pass).request(path, init)
    seen.set(status, (seen.get(status) ?? 0) + 1)
  }
  const statuses = [200, 201, 202, 203, 204, 302, 304, 308, 401, 404, 413, 500, 502, 503]
  expect([...seen.keys()].sort()).toEqual(statuses)
})

describe.each(guards)('what is thrown goes through %s as it goes without', (_, guard) => {
  /** How often onError is called with what, what comes out of the app, and what an outer middleware sees. */
  async function story(
    own: MiddlewareHandler,
    thrown: unknown,
    onError: (error: Error, c: Context) => Response,
  ) {
    const seen: unknown[] = []
    const app = new Hono()
    app.onError((error, c) => {
      seen.push(['onError', error])
      return onError(error, c)
    })
    app.use(async (c, next) => {
      try {
        c.header('x-before', '1')
        await next()
        seen.push(['outer', c.error, c.res.status, c.finalized])
      } catch (error) {
        seen.push(['caught', error, c.error, c.finalized])
        throw error
      }
    })
    app.use(own)
    app.use(async (c, next) => {
      try {
        await next()
        seen.push(['inner', c.error, c.finalized])
      } catch (error) {
        seen.push(['caught inside', error, c.error, c.finalized])
        throw error
      }
    })
    app.get('/', async (c) => {
      c.header('x-inner', '1')
      return raise(thrown)
    })
    try {
      seen.push(await read(await app.request('/')))
    } catch (error) {
      seen.push(['rejected', error])
    }
    return seen
  }

  const values: [name: string, value: unknown][] = [
    ['an Error', new Error('boom')],
    ['an HTTPException', new HTTPException(404)],
    ['a string', 'boom'],
    ['undefined', undefined],
    ['null', null],
    ['an object', { boom: true }],
  ]

  test.each(values)('%s', async (_, value) => {
    const onError = (_: Error, c: Context): Response => c.text('no', 500)
    expect(await story(guard(), value, onError)).toEqual(await story(pass, value, onError))
  })

  test.each(values)('%s, where onError throws', async (_, value) => {
    const second = new Error('second')
    const onError = (): Response => raise(second)
    expect(await story(guard(), value, onError)).toEqual(await story(pass, value, onError))
  })

  test('a string that inner middleware throws over a response: nothing from outside is doubled', async () => {
    const app = new Hono()
    app.use(async (c, next) => {
      c.header('x-before', '1')
      setCookie(c, 'before', '1')
      try {
        await next()
      } catch (error) {
        return c.text(`caught ${error}`, 500)
      }
    })
    app.use(guard())
    app.use(async (_: Context, next: Next) => {
      await next()
      throw 'boom'
    })
    app.get('/', (c) => c.text('hello'))
    const { headers } = await app.request('/')
    expect(headers.getSetCookie()).toEqual(['before=1; Path=/'])
    expect(headers.get('x-before')).toBe('1')
  })
})

describe.each(guards)('%s leaves as it is', (name, guard) => {
  test('the response object that a handler returns', async () => {
    for (const wait of [false, true]) {
      let made: Response | undefined
      const app = new Hono()
      app.use(guard())
      app.get('/', (c) => {
        made = c.text('hello')
        return wait ? Promise.resolve(made) : made
      })
      const sent = await app.request('/')
      if (name.includes('buffer')) expect(await sent.text()).toBe('hello')
      else expect(sent).toBe(made)
    }
  })

  test('that a second next() is an error', async () => {
    const story = async (own: MiddlewareHandler) => {
      const app = new Hono()
      app.onError((error, c) => c.text(error.message, 500))
      app.use(own)
      app.use(async (_, next) => {
        await next()
        await next()
      })
      app.get('/', (c) => c.text('hello'))
      return read(await app.request('/'))
    }
    const guarded = await story(guard())
    expect(guarded).toEqual(await story(pass))
    expect(guarded.body).toContain('next() called multiple times')
  })

  test('that a middleware which answers keeps the handler from starting', async () => {
    const handler = vi.fn((c: Context) => c.text('hello'))
    const app = new Hono()
    app.use(guard())
    app.use(async (c) => c.text('no', 403))
    app.get('/', handler)
    expect(await read(await app.request('/'))).toMatchObject({ status: 403, body: 'no' })
    expect(handler).not.toHaveBeenCalled()
  })

  test('a handler that forgets to answer: the error is the one of Hono', async () => {
    const story = async (own: MiddlewareHandler) => {
      const app = new Hono()
      app.use(pass)
      app.use(own)
      app.onError((error, c) => c.text(error.message, 500))
      app.get('/', () => undefined as never)
      return read(await app.request('/'))
    }
    expect(await story(guard())).toEqual(await story(pass))
  })

  test('executionCtx, env and the Request object', async () => {
    const env = { KV: {} }
    const ctx = { waitUntil() {}, passThroughOnException() {}, props: {} }
    const request = new Request('http://localhost/')
    const seen: unknown[] = []
    const app = new Hono()
    app.use(guard())
    app.get('/', (c) => {
      seen.push(c.env, c.executionCtx, c.req.raw)
      return c.text('hello')
    })
    await app.fetch(request, env, ctx)
    expect(seen[0]).toBe(env)
    expect(seen[1]).toBe(ctx)
    expect(seen[2]).toBe(request)
  })
})

test('a thrown Response is treated alike, whatever its status is', async () => {
  const fates: string[] = []
  for (const status of [302, 403, 503]) {
    const thrown = new Response(null, { status })
    const app = new Hono()
    app.use(curfew())
    app.get('/', () => raise(thrown))
    const reply = Promise.resolve(app.request('/'))
    fates.push(
      await reply.then(
        (sent) => (sent.status === status ? 'answered' : 'changed'),
        (error) => (error === thrown ? 'rejected' : 'lost'),
      ),
    )
  }
  expect(fates).toEqual(fates.map(() => fates[0]))
  expect(['answered', 'rejected']).toContain(fates[0])
})
