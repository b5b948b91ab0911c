import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { buffer, text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { type AppOptions, receipt, routes, sleep } from '@curfew/example-routes'
import { brokenPage, largeStream, stalledBody } from '@curfew/example-routes/node'
import { guardListener, type ListenerHandler } from '@curfew/node'

/**
 * Routes that each meet a different ending, as one listener of `node:http` or `node:http2`: guarded as a whole, with CORS
 * and a request id set outside the guard, so that every response has them.
 */
export function createListener({ limitMs, greeter, ...hooks }: AppOptions): ListenerHandler {
  const table: Readonly<Record<string, ListenerHandler>> = {
    [routes.hello]: (_req, res) => sendText(res, 'hi'),

    // In time.
    [routes.short]: async (_req, res) => {
      await sleep(limitMs / 2)
      sendText(res, `done after ${limitMs / 2} ms`)
    },

    // Too slow. The signal stops the upstream call, too: at the deadline, or when the client leaves.
    [routes.long]: async (req, res, { signal }) => {
      await text(req)
      const name = urlOf(req).searchParams.get('name') ?? 'world'
      sendText(res, await greeter.sayHello({ name, delayMs: limitMs * 2.5 }, { signal }))
    },

    // Just as slow as it may be, and from a callback: either ending is right, as long as there is one.
    [routes.boundary]: (_req, res) => {
      setTimeout(() => sendText(res, 'on the line'), limitMs)
    },

    [routes.nocontent]: (_req, res) => res.writeHead(204).end(),
    [routes.redirect]: (_req, res) => res.writeHead(302, { location: routes.hello }).end(),

    [routes.panic]: async (req) => {
      await text(req)
      throw new Error('secret-of-panic')
    },

    // Ignores its signal, and throws when nobody listens any more.
    [routes.panicLate]: async () => {
      await sleep(limitMs * 1.5)
      throw new Error('secret-of-panic-late')
    },

    // Half a page, and then an error. It was kept until the page would have ended, so that nobody sees the half.
    [routes.template]: async (_req, res) => {
      res.writeHead(200, { 'content-type': 'text/html; charset=utf-8' })
      await pipeline(brokenPage(), res)
    },

    // More than is kept in memory: past `maxBytes` it goes out as it is written.
    [routes.large]: async (_req, res) => {
      res.setHeader('content-type', 'application/octet-stream')
      await pipeline(largeStream(), res)
    },

    // The type says that it goes out as it is written, and that its deadline is over.
    [routes.events]: async (_req, res, { signal }) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' })
      for (let id = 0; !signal.aborted; id++) {
        res.write(`id: ${id}\ndata: ${new Date().toISOString()}\n\n`)
        await sleep(limitMs / 20)
      }
    },

    // A route may take longer than the others.
    [routes.upload]: async (req, res, { deadline }) => {
      deadline.set(limitMs * 10)
      sendJson(res, await receipt(await buffer(req)))
    },

    // Does everything to its response that an abandoned handler must not get through.
    [routes.leaky]: async (_req, res) => {
      res.setHeader('x-leak', 'before')
      res.setHeader('set-cookie', 'secret=before')
      await sleep(limitMs * 1.2)
      res.setHeader('x-leak', 'after')
      res.setHeader('set-cookie', 'secret=after')
      res.statusCode = 200
      for (let i = 0; i < 5; i++) {
        res.write('secret-of-leaky')
        await sleep(limitMs / 50)
      }
      res.end('secret-of-leaky')
    },

    // A stream that dries up: past `streamIdleMs` the connection is reset, for a clean end would be a lie.
    [routes.stalled]: guardListener(
      async (_req, res) => {
        res.flushHeaders()
        await pipeline(stalledBody(), res)
      },
      { streamIdleMs: limitMs / 4 },
    ),

    [routes.early]: (_req, res) => {
      res.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' })
      notFound(res)
    },

    [routes.stats]: (_req, res) => sendJson(res, guarded.stats),
  }

  const guarded = guardListener(
    (req, res, scope) => {
      const handler = table[urlOf(req).pathname]
      return handler ? handler(req, res, scope) : notFound(res)
    },
    { timeoutMs: limitMs, ...hooks },
  )

  return (req, res) => {
    res.setHeader('access-control-allow-origin', '*')
    res.setHeader('x-request-id', randomUUID())
    if (req.method === 'OPTIONS') res.writeHead(204).end()
    else guarded(req, res)
  }
}

function urlOf({ url = '/' }: IncomingMessage): URL {
  return new URL(url, 'http://localhost')
}

function sendText(res: ServerResponse, body: string): void {
  res.setHeader('content-type', 'text/plain; charset=utf-8')
  res.end(body)
}

function sendJson(res: ServerResponse, body: unknown): void {
  res.setHeader('content-type', 'application/json')
  res.end(JSON.stringify(body))
}

function notFound(res: ServerResponse): void {
  res.statusCode = 404
  sendText(res, 'Not Found')
}
