import type { GuardOptions } from '@curfew/core'
import { curfew, deadline, scopeOf } from '@curfew/hono'
import { Hono } from 'hono'
import { cors } from 'hono/cors'
import { requestId } from 'hono/request-id'
import { streamSSE } from 'hono/streaming'
import { brokenPage, largeBody, receipt, stalledBody } from './bodies.ts'
import type { Greeter } from './greeter.ts'
import { routes } from './routes.ts'
import { sleep } from './sleep.ts'

/** What the example is made of: its limit, its upstream, and who is told of endings and crashes. */
export interface AppOptions extends Pick<GuardOptions, 'onOutcome' | 'onLateSettlement' | 'reporter'> {
  /** Milliseconds that a request may take; the routes measure themselves by it. */
  limitMs: number
  greeter: Greeter
}

/** Node's own response, where there is one. */
type Env = { Bindings: { outgoing?: { writeEarlyHints(hints: Record<string, string>): void } } }

/** Routes that each meet a different ending. */
export function createApp({ limitMs, greeter, ...hooks }: AppOptions): Hono<Env> {
  const app = new Hono<Env>()
  const guard = curfew({ timeoutMs: limitMs, ...hooks })
  app.onError((_error, c) => c.json({ code: 'HANDLER_FAILED', requestId: c.get('requestId') }, 500))
  app.use(requestId(), cors(), guard)

  app.get(routes.hello, (c) => c.text('hi'))

  // In time.
  app.get(routes.short, async (c) => {
    await sleep(limitMs / 2)
    return c.text(`done after ${limitMs / 2} ms`)
  })

  // Too slow. The signal stops the upstream call, too: at the deadline, or when the client leaves.
  app.on(['GET', 'POST'], routes.long, async (c) => {
    const { signal } = scopeOf(c)
    await c.req.text()
    const name = c.req.query('name') ?? 'world'
    return c.text(await greeter.sayHello({ name, delayMs: limitMs * 2.5 }, { signal }))
  })

  // Just as slow as it may be: either ending is right, as long as there is one.
  app.get(routes.boundary, async (c) => {
    await sleep(limitMs)
    return c.text('on the line')
  })

  app.get(routes.nocontent, (c) => c.body(null, 204))
  app.get(routes.redirect, (c) => c.redirect(routes.hello))

  // What crashed, for whom, and with which body: the report has it all.
  app.on(['GET', 'POST'], routes.panic, async (c) => {
    await c.req.text()
    throw new Error('secret-of-panic')
  })

  // Ignores its signal, and throws when nobody listens any more.
  app.get(routes.panicLate, async () => {
    await sleep(limitMs * 1.5)
    throw new Error('secret-of-panic-late')
  })

  // Half a page, and then an error: buffered, so that nobody sees the half.
  app.get(routes.template, curfew({ buffer: true }), (c) =>
    c.body(brokenPage(), 200, { 'content-type': 'text/html; charset=utf-8' }),
  )

  app.get(routes.large, (c) => c.body(largeBody(), 200, { 'content-type': 'application/octet-stream' }))

  app.get(routes.events, (c) =>
    streamSSE(c, async (stream) => {
      for (let id = 0; !stream.aborted; id++) {
        await stream.writeSSE({ id: String(id), data: new Date().toISOString() })
        await stream.sleep(limitMs / 20)
      }
    }),
  )

  // A route may take longer than the others.
  app.post(routes.upload, deadline(limitMs * 10), async (c) =>
    c.json(await receipt(new Uint8Array(await c.req.arrayBuffer()))),
  )

  // Does everything to its context that an abandoned handler must not get through.
  app.get(routes.leaky, async (c) => {
    c.header('x-leak', 'before')
    c.header('set-cookie', 'secret=before')
    await sleep(limitMs * 1.2)
    for (let i = 0; i < 5; i++) {
      c.header('x-leak', 'after')
      c.header('set-cookie', 'secret=after')
      c.status(200)
      c.res = new Response('secret-of-leaky')
      await sleep(limitMs / 50)
    }
    return c.text('secret-of-leaky')
  })

  // A stream that dries up: past `streamIdleMs` the connection is reset, for a clean end would be a lie.
  app.get(routes.stalled, curfew({ streamIdleMs: limitMs / 4 }), (c) => c.body(stalledBody()))

  app.get(routes.early, (c) => {
    c.env?.outgoing?.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' })
    return c.notFound()
  })

  app.get(routes.stats, (c) => c.json(guard.stats))

  return app
}
