import { type Context, Hono } from 'hono'
import { compress } from 'hono/compress'
import { setCookie } from 'hono/cookie'
import { cors } from 'hono/cors'
import { etag } from 'hono/etag'
import { logger } from 'hono/logger'
import { requestId } from 'hono/request-id'
import { secureHeaders } from 'hono/secure-headers'
import { timing } from 'hono/timing'
import { describe, expect, test } from 'vitest'
import { deferred, never, observed, read, soon, timeoutReply } from '../test/support.ts'
import { curfew } from './index.ts'

describe('the timeout reply', () => {
  test('has nothing that was set inside before the deadline', async () => {
    const { clock, options } = observed()
    const app = new Hono()
    app.use(curfew(options))
    app.use(async (c, next) => {
      c.res.headers.set('x-inner', 'secret')
      await next()
    })
    app.get('/', (c) => {
      c.status(201)
      c.header('cache-control', 'public')
      setCookie(c, 'session', 'secret')
      c.res.headers.append('set-cookie', 'other=secret')
      return never()
    })
    const reply = app.request('/')
    await clock.advance(100)
    expect(await read(await soon(reply))).toEqual(timeoutReply)
  })

  test('has nothing of a response that inner middleware was still working on', async () => {
    const { clock, options, late } = observed()
    const app = new Hono()
    const inner = deferred()
    app.use(curfew(options))
    app.use(async (c, next) => {
      await next()
      await inner.promise
      c.header('x-late', '1')
    })
    app.get('/', (c) => c.text('secret', 201, { 'x-inner': 'secret' }))
    const reply = app.request('/')
    await clock.advance(100)
    expect(await read(await soon(reply))).toEqual(timeoutReply)
    inner.resolve()
    await clock.advance(0)
    expect(late).toMatchObject([{ kind: 'completed' }])
  })

  test('has what cors(), requestId() and c.header() set before', async () => {
    const { clock, options } = observed()
    const app = new Hono()
    app.use(cors({ origin: 'https://example.test', credentials: true }))
    app.use(requestId({ generator: () => 'id-1' }))
    app.use(async (c, next) => {
      c.header('x-first', '1')
      c.res.headers.set('x-second', '2')
      c.header('vary', 'accept')
      await next()
    })
    app.use(curfew(options))
    app.get('/', never)
    const reply = app.request('/', { headers: { origin: 'https://example.test' } })
    await clock.advance(100)
    expect(await read(await soon(reply))).toEqual({
      ...timeoutReply,
      headers: [
        ['access-control-allow-credentials', 'true'],
        ['access-control-allow-origin', 'https://example.test'],
        ...timeoutReply.headers,
        ['vary', 'accept, Origin'],
        ['x-first', '1'],
        ['x-request-id', 'id-1'],
        ['x-second', '2'],
      ],
    })
  })

  test('keeps two cookies from before as two', async () => {
    for (const touch of [(_: Context) => {}, (c: Context) => void c.res]) {
      const { clock, options } = observed()
      const app = new Hono()
      app.use(async (c, next) => {
        setCookie(c, 'a', '1')
        touch(c)
        setCookie(c, 'b', '2')
        await next()
        setCookie(c, 'd', '4')
      })
      app.use(curfew(options))
      app.get('/', (c) => {
        setCookie(c, 'c', 'secret')
        return never()
      })
      const reply = app.request('/')
      await clock.advance(100)
      expect((await soon(reply)).headers.getSetCookie()).toEqual([
        'a=1; Path=/',
        'b=2; Path=/',
        'd=4; Path=/',
      ])
    }
  })

  test('keeps its own content type, whatever was set before', async () => {
    const { clock, options } = observed()
    const app = new Hono()
    app.use(async (c, next) => {
      c.header('content-type', 'text/csv')
      await next()
    })
    app.use(curfew(options))
    app.get('/', never)
    const reply = app.request('/')
    await clock.advance(100)
    expect(await read(await soon(reply))).toEqual(timeoutReply)
  })

  test('a status that was set before does not change it, and is there again for the outside', async () => {
    const { clock, options } = observed()
    const app = new Hono()
    let made: number | undefined
    app.use(async (c, next) => {
      c.status(202)
      await next()
      made = c.body(null).status
    })
    app.use(curfew(options))
    app.get('/', (c) => {
      c.status(418)
      return never()
    })
    const reply = app.request('/')
    await clock.advance(100)
    expect((await soon(reply)).status).toBe(503)
    expect(made).toBe(202)
  })

  test('has what middleware sets after: secureHeaders(), timing(), c.header(), c.res.headers', async () => {
    const { clock, options } = observed()
    const app = new Hono()
    app.use(secureHeaders())
    app.use(timing({ total: false }))
    app.use(async (c, next) => {
      await next()
      c.header('x-after', '1')
      c.res.headers.set('x-after-too', '1')
    })
    app.use(curfew(options))
    app.get('/', never)
    const reply = app.request('/')
    await clock.advance(100)
    const { status, headers } = await soon(reply)
    expect(status).toBe(503)
    expect(Object.fromEntries(headers)).toMatchObject({
      'content-type': 'application/problem+json',
      'strict-transport-security': expect.any(String),
      'x-content-type-options': 'nosniff',
      'server-timing': '',
      'x-after': '1',
      'x-after-too': '1',
    })
  })

  test('can be replaced by middleware, as c.res = does it', async () => {
    const { clock, options } = observed()
    const app = new Hono()
    app.use(async (c, next) => {
      await next()
      const { code } = await c.res.json()
      c.res = new Response(`<h1>${code}</h1>`, { status: 504, headers: { 'content-type': 'text/html' } })
    })
    app.use(curfew(options))
    app.get('/', (c) => {
      c.header('x-inner', 'secret')
      return never()
    })
    const reply = app.request('/')
    await clock.advance(100)
    expect(await read(await soon(reply))).toEqual({
      status: 504,
      headers: [['content-type', 'text/html']],
      body: '<h1>HANDLER_TIMEOUT</h1>',
    })
  })

  test('is compressed by compress()', async () => {
    const { clock, options } = observed()
    const app = new Hono()
    app.use(compress())
    app.use(curfew(options))
    app.get('/', never)
    const reply = app.request('/', { headers: { 'accept-encoding': 'gzip' } })
    await clock.advance(100)
    const response = await soon(reply)
    expect(response.status).toBe(503)
    expect(response.headers.get('content-encoding')).toBe('gzip')
    expect(response.headers.get('vary')).toBe('Accept-Encoding')
    const plain = new Response(response.body!.pipeThrough(new DecompressionStream('gzip')))
    expect(await plain.text()).toBe(timeoutReply.body)
  })

  test('has no entity tag from etag(), while a response in time has one', async () => {
    const { clock, options } = observed()
    const app = new Hono()
    app.use(etag())
    app.use(curfew(options))
    app.get('/slow', (c) => {
      c.header('etag', '"inner"')
      return never()
    })
    app.get('/fast', async (c) => c.text('fast'))
    const reply = app.request('/slow')
    await clock.advance(100)
    expect(await read(await soon(reply))).toEqual(timeoutReply)
    const { headers } = await app.request('/fast')
    const tag = headers.get('etag')
    expect(tag).toMatch(/^"[0-9a-f]+"$/)
    expect((await app.request('/fast', { headers: { 'if-none-match': tag! } })).status).toBe(304)
  })

  test('is what logger() logs', async () => {
    const { clock, options } = observed()
    const lines: string[] = []
    const app = new Hono()
    app.use(logger((line) => void lines.push(line)))
    app.use(curfew(options))
    app.get('/', never)
    const reply = app.request('/')
    await clock.advance(100)
    await soon(reply)
    expect(lines).toHaveLength(2)
    expect(lines[1]).toContain('503')
  })

  test('built by timeoutResponse keeps its headers beside those from outside', async () => {
    const replies: [string, () => Response, string[]][] = [
      [
        'plain',
        () => new Response('own', { status: 504, headers: [['set-cookie', 'own=1']] }),
        ['own=1', 'outer=1'],
      ],
      ['with immutable headers', () => Response.redirect('http://localhost/busy'), ['outer=1']],
    ]
    for (const [, timeoutResponse, cookies] of replies) {
      const { clock, options } = observed({ timeoutResponse })
      const app = new Hono()
      app.use(async (c, next) => {
        c.header('set-cookie', 'outer=1')
        c.header('x-outer', 'before')
        await next()
      })
      app.use(curfew(options))
      app.get('/', never)
      const reply = app.request('/')
      await clock.advance(100)
      const response = await soon(reply)
      const { status, headers } = timeoutResponse()
      expect(response.status).toBe(status)
      expect(response.headers.get('location')).toBe(headers.get('location'))
      expect(response.headers.getSetCookie()).toEqual(cookies)
      expect(response.headers.get('x-outer')).toBe('before')
    }
  })

  test('one Response given as timeoutResponse serves many requests, without their headers piling up', async () => {
    const { clock, options } = observed({ timeoutResponse: new Response('busy', { status: 504 }) })
    const app = new Hono()
    app.use(async (c, next) => {
      c.header(`x-${c.req.query('n')}`, '1')
      c.header('set-cookie', `n=${c.req.query('n')}`)
      await next()
    })
    app.use(curfew(options))
    app.get('/', never)
    for (const n of ['a', 'b', 'c']) {
      const reply = app.request(`/?n=${n}`)
      await clock.advance(100)
      expect(await read(await soon(reply))).toEqual({
        status: 504,
        headers: [
          ['content-type', 'text/plain;charset=UTF-8'],
          ['set-cookie', `n=${n}`],
          [`x-${n}`, '1'],
        ],
        body: 'busy',
      })
    }
  })

  test('has no body for HEAD', async () => {
    const { clock, options, outcomes } = observed()
    const app = new Hono()
    app.use(curfew(options))
    app.get('/', never)
    const reply = app.request('/', { method: 'HEAD' })
    await clock.advance(100)
    const { status, body } = await soon(reply)
    expect({ status, body }).toEqual({ status: 503, body: null })
    expect(outcomes).toMatchObject([{ kind: 'timed-out', status: 503 }])
  })
})
