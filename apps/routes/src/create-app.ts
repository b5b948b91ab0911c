import { createHash } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type { GuardOptions } from '@curfew/core'
import { curfew, deadline, scopeOf } from '@curfew/hono'
import { Hono } from 'hono'
import { cors } from 'hono/cors'
import { requestId } from 'hono/request-id'
import { streamSSE } from 'hono/streaming'
import type { GreeterClient } from './greeter-client.ts'
import { routes } from './routes.ts'

const LARGE_BYTES = 10 * 1024 * 1024

/** What the example is made of: its limit, its upstream, and who is told of endings and crashes. */
export interface AppOptions extends Pick<GuardOptions, 'onOutcome' | 'onLateSettlement' | 'reporter'> {
  /** Milliseconds that a request may take; the routes measure themselves by it. */
  limitMs: number
  greeter: GreeterClient
}

type Env = { Bindings: { outgoing: ServerResponse } }

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
  app.get(routes.template, curfew({ buffer: true }), (c) => {
    const body = Readable.toWeb(Readable.from(page())) as ReadableStream<Uint8Array>
    return c.body(body, 200, { 'content-type': 'text/html; charset=utf-8' })
  })

  app.get(routes.large, (c) =>
    c.body(Buffer.alloc(LARGE_BYTES, 'a'), 200, { 'content-type': 'application/octet-stream' }),
  )

  app.get(routes.events, (c) =>
    streamSSE(c, async (stream) => {
      for (let id = 0; !stream.aborted; id++) {
        await stream.writeSSE({ id: String(id), data: new Date().toISOString() })
        await stream.sleep(limitMs / 20)
      }
    }),
  )

  // A route may take longer than the others.
  app.post(routes.upload, deadline(limitMs * 10), async (c) => {
    const hash = createHash('sha256')
    let bytes = 0
    for await (const chunk of c.req.raw.body ?? []) {
      hash.update(chunk)
      bytes += chunk.byteLength
    }
    return c.json({ bytes, sha256: hash.digest('hex') })
  })

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
  app.get(routes.stalled, curfew({ streamIdleMs: limitMs / 4 }), (c) => {
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new TextEncoder().encode('the first half\n')),
    })
    return c.body(body)
  })

  app.get(routes.early, (c) => {
    c.env.outgoing.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' })
    return c.notFound()
  })

  app.get(routes.stats, (c) => c.json(guard.stats))

  return app
}

async function* page(): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder()
  yield encoder.encode('<h1>secret-of-template</h1>')
  await sleep(1)
  yield encoder.encode('<ul><li>first</li>')
  throw new Error('Template failed: item 2 has no name')
}
