import { contextSlot, enterScopes } from '@curfew/core/adapter'
import { type Context, Hono, type MiddlewareHandler, type Next } from 'hono'
import { deleteCookie, setCookie } from 'hono/cookie'
import { HTTPException } from 'hono/http-exception'
import { requestId } from 'hono/request-id'
import { describe, expect, test, vi } from 'vitest'
import { deferred, never, observed, raise, read, soon, timeoutReply } from '../test/support.ts'
import { curfew, deadline } from './index.ts'

type Env = { Variables: { who: string } }
type C = Context<Env>

/** What a handler does when its request has ended already; what it returns is what the handler returns. */
type Deed = (c: C, next: Next) => unknown

const deeds: [name: string, deed: Deed][] = [
  ['c.header()', (c) => c.header('x-late', '1')],
  ['c.header() on a header of the outside', (c) => c.header('x-outer', 'late')],
  ['c.header() with append', (c) => c.header('x-outer', 'late', { append: true })],
  ['c.header() that deletes', (c) => c.header('x-outer', undefined)],
  ['a cookie', (c) => setCookie(c, 'late', '1')],
  ['a deleted cookie', (c) => deleteCookie(c, 'outer')],
  ['c.status()', (c) => c.status(418)],
  ['c.set()', (c) => c.set('who', 'late')],
  ['c.setRenderer()', (c) => c.setRenderer(() => c.html('late'))],
  ['c.setLayout()', (c) => void c.setLayout((() => 'late') as never)],
  ['c.res =', (c) => assign(c, new Response('late', { status: 418, headers: { 'x-late': '1' } }))],
  ['c.res = undefined', (c) => assign(c, undefined)],
  ['c.res.headers.set()', (c) => c.res.headers.set('x-late', '1')],
  ['c.res.headers.append()', (c) => c.res.headers.append('set-cookie', 'late=1')],
  ['c.res.headers.delete()', (c) => c.res.headers.delete('x-outer')],
  ['reading the body of c.res', (c) => c.res.text()],
  ['c.redirect()', (c) => c.redirect('/late')],
  ['c.notFound()', (c) => c.notFound()],
  ['returning a response made by c', (c) => c.json({ late: true }, 418, { 'x-late': '1' })],
  ['returning a response of its own', () => new Response('late', { headers: { 'x-late': '1' } })],
  ['throwing an Error', () => raise(new Error('late'))],
  ['throwing an HTTPException', () => raise(new HTTPException(418, { message: 'late' }))],
  ['throwing a string', () => raise('late')],
  ['throwing undefined', () => raise(undefined)],
  ['throwing a Response', () => raise(new Response('late', { status: 418 }))],
  ['calling next()', (_, next) => next()],
  ['calling next() without waiting', (_, next) => void next().catch(() => {})],
]

function assign(c: Context, response: Response | undefined): void {
  c.res = response
}

/** Where the handler is when its request ends. */
const places: [name: string, mount: (app: Hono<Env>, handlers: Handlers, onError: OnError) => void][] = [
  ['in the app', (app, handlers) => app.get('/', ...handlers)],
  [
    'in a sub-app with its own onError',
    (app, handlers, onError) => app.route('/', new Hono<Env>().onError(onError).get('/', ...handlers)),
  ],
  ['under an inner curfew()', (app, handlers) => app.get('/', curfew({ maxBytes: 1_000 }), ...handlers)],
  ['under deadline()', (app, handlers) => app.get('/', deadline(100), ...handlers)],
  [
    'under a middleware that touches c on its way out',
    (app, handlers) =>
      app.get(
        '/',
        async (c, next) => {
          await next()
          c.header('x-late', 'way out')
        },
        ...handlers,
      ),
  ],
]

type Handlers = [MiddlewareHandler<Env>, MiddlewareHandler<Env>]
type OnError = (error: Error, c: Context) => Response

/** An app whose handler waits for the test, inside a middleware that goes on for as long as the test wants. */
function scene(deed: Deed, mount: (typeof places)[number][1]) {
  const { options, ...watched } = observed()
  const hand = deferred()
  const outside = deferred()
  const seen = { nextStarted: 0, steps: [] as unknown[] }
  const onError = vi.fn((_error: Error, c: Context) => c.text('from onError', 500))

  const app = new Hono<Env>()
  app.onError(onError)
  app.use(async (c, next) => {
    c.set('who', 'outer')
    c.setRenderer((content) => c.html(`<outer>${content}</outer>`))
    c.header('x-outer', 'before')
    setCookie(c, 'outer', '1')
    await next()
    seen.steps.push(await look(c))
    await outside.promise
    seen.steps.push(await look(c))
    c.header('x-after', '1')
  })
  app.use(curfew(options))
  mount(
    app,
    [
      async (c, next) => {
        await hand.promise
        return (await deed(c, next)) as Response
      },
      async () => {
        seen.nextStarted++
        return new Response('next')
      },
    ],
    onError,
  )
  return { app, seen, onError, hand, outside, ...watched }
}

/** Everything on `c` that an outer middleware could look at. */
async function look(c: C): Promise<unknown> {
  const { status, headers } = c.res
  return {
    status,
    headers: [...headers],
    body: c.res.bodyUsed ? 'used' : await c.res.clone().text(),
    who: c.get('who'),
    vars: c.var,
    error: c.error,
    finalized: c.finalized,
    layout: c.getLayout(),
    rendered: await (await c.render('page')).text(),
    made: c.body(null).status,
  }
}

const outerHeaders: [string, string][] = [
  ['content-type', 'application/problem+json'],
  ['set-cookie', 'outer=1; Path=/'],
  ['x-outer', 'before'],
]

const onlyOuter = {
  status: 503,
  headers: outerHeaders,
  body: timeoutReply.body,
  who: 'outer',
  vars: { who: 'outer' },
  error: undefined,
  finalized: true,
  layout: undefined,
  rendered: '<outer>page</outer>',
  made: 200,
}

const onlyOuterReply = {
  status: 503,
  headers: [...outerHeaders.slice(0, 2), ['x-after', '1'], ['x-outer', 'before']],
  body: timeoutReply.body,
}

describe.each(places)('after the deadline, from a handler %s', (_, mount) => {
  test.each(deeds)('%s reaches neither the outer middleware nor the client', async (_, deed) => {
    const { app, clock, hand, outside, seen, onError, late } = scene(deed, mount)
    const reply = app.request('/')
    await clock.advance(100)
    hand.resolve()
    await clock.advance(1)
    outside.resolve()
    expect(await read(await soon(reply))).toEqual(onlyOuterReply)
    expect(seen).toEqual({ nextStarted: 0, steps: [onlyOuter, onlyOuter] })
    expect(onError).not.toHaveBeenCalled()
    expect(late).toHaveLength(1)
  })
})

describe('after the deadline, once the outer middleware is done too', () => {
  test.each(deeds)('%s changes nothing of the reply', async (_, deed) => {
    const { app, clock, hand, outside, seen, onError, late } = scene(deed, places[0]![1])
    const reply = app.request('/')
    outside.resolve()
    await clock.advance(100)
    const response = await soon(reply)
    hand.resolve()
    await clock.advance(1)
    expect(await read(response)).toEqual(onlyOuterReply)
    expect(seen.nextStarted).toBe(0)
    expect(onError).not.toHaveBeenCalled()
    expect(late).toHaveLength(1)
  })
})

describe('while the outer middleware goes on', () => {
  test('late writes in between change nothing that it sees or sets', async () => {
    const { clock, options } = observed()
    const steps = Array.from({ length: 3 }, () => ({ inner: deferred(), outer: deferred() }))
    const app = new Hono()
    const seen: unknown[] = []
    app.use(async (c, next) => {
      await next()
      for (const [i, { outer }] of steps.entries()) {
        await outer.promise
        seen.push([c.res.status, c.res.headers.get('x-step'), c.res.headers.get('x-late')])
        c.header('x-step', String(i))
      }
    })
    app.use(curfew(options))
    app.get('/', async (c) => {
      for (const { inner } of steps) {
        await inner.promise
        c.header('x-late', '1')
        c.header('x-step', 'late')
        c.status(418)
        c.res = new Response('late', { headers: { 'x-step': 'late' } })
        c.res.headers.set('x-step', 'late')
      }
      return c.text('late')
    })
    const reply = app.request('/')
    await clock.advance(100)
    for (const { inner, outer } of steps) {
      inner.resolve()
      await clock.advance(1)
      outer.resolve()
      await clock.advance(1)
    }
    const response = await soon(reply)
    expect(seen).toEqual([
      [503, null, null],
      [503, '0', null],
      [503, '1', null],
    ])
    expect(await read(response)).toEqual({
      ...timeoutReply,
      headers: [...timeoutReply.headers, ['x-step', '2']],
    })
  })

  test('what it puts into c.res is sent, whatever the handler still does', async () => {
    const { clock, options } = observed()
    const hand = deferred()
    const outside = deferred()
    const app = new Hono()
    app.use(async (c, next) => {
      await next()
      c.res = undefined
      c.res = new Response('from outside', { status: 504, headers: { 'x-outside': '1' } })
      await outside.promise
    })
    app.use(curfew(options))
    app.get('/', async (c) => {
      await hand.promise
      c.header('x-late', '1')
      c.res = new Response('late')
      throw new Error('late')
    })
    const reply = app.request('/')
    await clock.advance(100)
    hand.resolve()
    await clock.advance(1)
    outside.resolve()
    expect(await read(await soon(reply))).toEqual({
      status: 504,
      headers: [
        ['content-type', 'text/plain;charset=UTF-8'],
        ['x-outside', '1'],
      ],
      body: 'from outside',
    })
  })

  test('a response that it makes anew has nothing of the handler', async () => {
    const { clock, options } = observed()
    const app = new Hono()
    app.use(async (c, next) => {
      c.header('x-outer', 'before')
      await next()
      c.res = undefined
      c.res = c.text('from outside')
    })
    app.use(curfew(options))
    app.get('/', (c) => {
      c.status(201)
      c.header('x-inner', 'secret')
      setCookie(c, 'inner', 'secret')
      return never()
    })
    const reply = app.request('/')
    await clock.advance(100)
    const response = await soon(reply)
    expect(response.status).toBe(200)
    expect(response.headers.get('x-inner')).toBeNull()
    expect(response.headers.getSetCookie()).toEqual([])
  })

  test('what it throws goes to onError as ever, and onError sees nothing of the handler', async () => {
    const { clock, options } = observed()
    const hand = deferred()
    const outside = deferred()
    const app = new Hono()
    const onError = vi.fn((error: Error, c: Context) => c.text(error.message, 500))
    app.onError(onError)
    app.use(async (c, next) => {
      c.header('x-outer', 'before')
      await next()
      await outside.promise
      throw new Error('from outside')
    })
    app.use(curfew(options))
    app.get('/', async (c) => {
      c.header('x-inner', 'secret')
      await hand.promise
      c.header('x-late', '1')
      throw new Error('late')
    })
    const reply = app.request('/')
    await clock.advance(100)
    hand.resolve()
    await clock.advance(1)
    outside.resolve()
    expect(await read(await soon(reply))).toEqual({
      status: 500,
      headers: [
        ['content-type', 'text/plain; charset=UTF-8'],
        ['x-outer', 'before'],
      ],
      body: 'from outside',
    })
    expect(onError).toHaveBeenCalledTimes(1)
  })

  test('c.error is not set by an error whose onError was too slow', async () => {
    const { clock, options, outcomes, late } = observed()
    const hand = deferred()
    const outside = deferred()
    const errors: unknown[] = []
    const app = new Hono()
    const onError = vi.fn(async (_error: Error, c: Context) => {
      await hand.promise
      c.header('x-late', '1')
      return c.text('from onError', 500)
    })
    app.onError(onError)
    app.use(async (c, next) => {
      await next()
      await outside.promise
      errors.push(c.error)
    })
    app.use(curfew(options))
    app.get('/', () => raise(new Error('boom')))
    const reply = app.request('/')
    await clock.advance(100)
    hand.resolve()
    await clock.advance(1)
    outside.resolve()
    expect(await read(await soon(reply))).toEqual(timeoutReply)
    expect(errors).toEqual([undefined])
    expect(onError).toHaveBeenCalledTimes(1)
    expect(outcomes).toMatchObject([{ kind: 'timed-out' }])
    expect(late).toMatchObject([{ kind: 'completed' }])
  })
})

describe('ways around', () => {
  // A limit that the README names: closing it would cost every request, for a habit that nobody has.
  test("a method that the handler took off c before the deadline is not told from outer middleware's", async () => {
    const { clock, options } = observed()
    const hand = deferred()
    const outside = deferred()
    const app = new Hono<Env>()
    let who: unknown
    app.use(async (c, next) => {
      c.set('who', 'outer')
      await next()
      await outside.promise
      who = c.get('who')
    })
    app.use(curfew(options))
    app.get('/', async (c) => {
      const { header, set, text } = c
      await hand.promise
      header('x-late', '1')
      set('who', 'late')
      return text('late')
    })
    const reply = app.request('/')
    await clock.advance(100)
    hand.resolve()
    await clock.advance(1)
    outside.resolve()
    expect(await soon(reply)).toMatchObject({ status: 503 })
    expect((await reply).headers.get('x-late')).toBe('1')
    expect(who).toBe('late')
  })

  test('a c.res that the handler took before the deadline is not the one that is sent', async () => {
    const { clock, options } = observed()
    const hand = deferred()
    const outside = deferred()
    const app = new Hono()
    app.use(async (c, next) => {
      c.res.headers.set('x-outer', 'before')
      await next()
      await outside.promise
    })
    app.use(curfew(options))
    app.get('/', async (c) => {
      const { headers } = c.res
      await hand.promise
      headers.set('x-late', '1')
      headers.delete('x-outer')
      return c.text('late')
    })
    const reply = app.request('/')
    await clock.advance(100)
    hand.resolve()
    await clock.advance(1)
    outside.resolve()
    expect(await read(await soon(reply))).toEqual({
      ...timeoutReply,
      headers: [...timeoutReply.headers, ['x-outer', 'before']],
    })
  })

  test('c.finalized = false does not turn the reply into an error', async () => {
    const { app, clock, hand, outside, onError } = scene((c) => {
      c.finalized = false
    }, places[0]![1])
    const reply = app.request('/')
    await clock.advance(100)
    hand.resolve()
    await clock.advance(1)
    outside.resolve()
    expect(await read(await soon(reply))).toEqual(onlyOuterReply)
    expect(onError).not.toHaveBeenCalled()
  })

  test('timers, nextTicks and detached promises of the handler reach nobody either', async () => {
    const { clock, options } = observed()
    const hand = deferred()
    const outside = deferred()
    const did: string[] = []
    const app = new Hono()
    app.use(async (_, next) => {
      await next()
      await outside.promise
    })
    app.use(curfew(options))
    app.get('/', (c) => {
      const write = (by: string) => {
        did.push(by)
        c.header(`x-${by}`, '1')
      }
      void hand.promise.then(() => {
        write('then')
        setTimeout(write, 0, 'timeout')
        setImmediate(write, 'immediate')
        process.nextTick(write, 'tick')
        queueMicrotask(() => write('microtask'))
      })
      return never()
    })
    const reply = app.request('/')
    await clock.advance(100)
    hand.resolve()
    await clock.advance(1)
    outside.resolve()
    expect(await read(await soon(reply))).toEqual(timeoutReply)
    expect(did.sort()).toEqual(['immediate', 'microtask', 'then', 'tick', 'timeout'])
  })
})

test('100 requests at once, half of them too slow, have nothing of each other', async () => {
  const { clock, options, outcomes, late } = observed()
  const gates = new Map<string, ReturnType<typeof deferred<void>>>()
  const guard = curfew(options)
  const app = new Hono<Env>()
  app.use(requestId({ generator: (c) => `id-${c.req.query('n')}` }))
  app.use(async (c, next) => {
    c.set('who', c.req.query('n')!)
    await next()
    c.header('x-who', c.get('who'))
  })
  app.use(guard)
  app.get('/', async (c) => {
    const n = c.req.query('n')!
    c.header('x-inner', n)
    setCookie(c, 'n', n)
    await gates.get(n)!.promise
    for (let i = 0; i < 3; i++) {
      c.header('x-inner', n)
      c.set('who', n)
      await Promise.resolve()
    }
    return c.text(`hello ${n}`)
  })
  const numbers = Array.from({ length: 100 }, (_, n) => String(n))
  for (const n of numbers) gates.set(n, deferred())
  const replies = numbers.map((n) => app.request(`/?n=${n}`))
  await clock.advance(50)
  for (const n of numbers) if (Number(n) % 2 === 0) gates.get(n)!.resolve()
  await clock.advance(50)
  for (const n of numbers) gates.get(n)!.resolve()
  await clock.advance(0)

  for (const n of numbers) {
    const seen = await read(await soon(replies[Number(n)]!))
    if (Number(n) % 2 === 0) {
      expect(seen).toEqual({
        status: 200,
        headers: [
          ['content-type', 'text/plain; charset=UTF-8'],
          ['set-cookie', `n=${n}; Path=/`],
          ['x-inner', n],
          ['x-request-id', `id-${n}`],
          ['x-who', n],
        ],
        body: `hello ${n}`,
      })
    } else {
      expect(seen).toEqual({
        ...timeoutReply,
        headers: [...timeoutReply.headers, ['x-request-id', `id-${n}`], ['x-who', n]],
      })
    }
  }
  expect(outcomes.filter(({ kind }) => kind === 'completed')).toHaveLength(50)
  expect(outcomes.filter(({ kind }) => kind === 'timed-out')).toHaveLength(50)
  expect(late).toHaveLength(50)
  expect(guard.stats).toMatchObject({ active: 0, abandoned: 0 })
  expect(clock.pending).toBe(0)
})

test('an app that a guarded handler calls tells its own inside from its own outside', async () => {
  const { clock, options } = observed()
  const hand = deferred()
  const outside = deferred()
  const called = new Hono()
  called.use(async (c, next) => {
    c.header('x-outer', 'before')
    await next()
    await outside.promise
    c.header('x-outer', 'after')
  })
  called.use(curfew({ timeoutMs: 50, clock }))
  called.get('/', async (c) => {
    await hand.promise
    c.header('x-outer', 'late')
    c.header('x-late', '1')
    return c.text('late')
  })
  const app = new Hono()
  app.use(curfew(options))
  app.get('/', () => called.request('/'))
  const reply = app.request('/')
  await clock.advance(50)
  hand.resolve()
  await clock.advance(1)
  outside.resolve()
  expect(await read(await soon(reply))).toEqual({
    ...timeoutReply,
    headers: [...timeoutReply.headers, ['x-outer', 'after']],
  })
})

test('the async context of a handler leads to nothing of its request, unless somebody asks for that', async () => {
  const { options } = observed()
  const contexts: unknown[] = []
  const app = new Hono()
  app.use(curfew(options))
  app.get('/', async (c) => {
    contexts.push(contextSlot.storage!.getStore())
    return c.text('hello')
  })
  await app.request('/')
  const entering = enterScopes(() => contextSlot.storage!)
  await app.request('/')
  entering.leave()
  await app.request('/')
  expect(contexts).toEqual([
    { scope: undefined, outer: undefined },
    { scope: expect.any(Object), outer: { scope: expect.any(Object), outer: undefined } },
    { scope: undefined, outer: undefined },
  ])
})

test('what was abandoned by one pass through the guard is late for the next one on the same c, too', async () => {
  const { clock, options } = observed()
  const hand = deferred()
  const second = deferred()
  const guard = curfew(options)
  const app = new Hono()
  app.get('/', async (c) => {
    await guard(c, async () => {
      await hand.promise
      c.header('x-late', '1')
    })
    c.res = undefined
    c.finalized = false
    await guard(c, async () => {
      c.header('x-second', '1')
      await second.promise
      c.res = new Response('second')
    })
    return c.res
  })
  const reply = app.request('/')
  await clock.advance(100)
  hand.resolve()
  await clock.advance(1)
  second.resolve()
  await clock.advance(1)
  const { headers, ...rest } = await read(await soon(reply))
  expect(rest).toEqual({ status: 200, body: 'second' })
  expect(headers.map(([name]) => name)).not.toContain('x-late')
  expect(guard.stats.lateWrites).toBe(1)
})
