import { type Guarded, type GuardOptions, scopeOf } from '@curfew/core'
import { brokenPage, eventStream, largeBody, receipt, stalledBody } from './bodies.ts'
import type { AppOptions } from './create-app.ts'
import { routes } from './routes.ts'
import { sleep } from './sleep.ts'

/** The guard of the runtime's adapter, or the core's; what the runtime passes besides the request goes through it. */
export type GuardFunction = (
  handler: (request: Request) => Response | Promise<Response>,
  options: GuardOptions,
) => Guarded<never[]>

/** What runtimes call with the request, and with whatever else they have. */
export type FetchHandler = (request: Request, ...rest: unknown[]) => Response | Promise<Response>

/**
 * The routes as one fetch handler, which is the same on every runtime: guarded as a whole, with CORS and a request id
 * set outside the guard, so that every reply has them.
 */
export function createHandler(
  guard: GuardFunction,
  { limitMs, greeter, ...hooks }: AppOptions,
): FetchHandler {
  const table: Readonly<Record<string, (request: Request) => Response | Promise<Response>>> = {
    [routes.hello]: () => new Response('hi'),

    // In time.
    [routes.short]: async () => {
      await sleep(limitMs / 2)
      return new Response(`done after ${limitMs / 2} ms`)
    },

    // Too slow. The signal stops the upstream call, too: at the deadline, or when the client leaves.
    [routes.long]: async (request) => {
      if (request.method === 'POST') await request.text()
      const name = new URL(request.url).searchParams.get('name') ?? 'world'
      const { signal } = request
      return new Response(await greeter.sayHello({ name, delayMs: limitMs * 2.5 }, { signal }))
    },

    // Just as slow as it may be: either ending is right, as long as there is one.
    [routes.boundary]: async () => {
      await sleep(limitMs)
      return new Response('on the line')
    },

    [routes.nocontent]: () => new Response(null, { status: 204 }),
    [routes.redirect]: () => new Response(null, { status: 302, headers: { location: routes.hello } }),

    [routes.panic]: async (request) => {
      await request.text()
      throw new Error('secret-of-panic')
    },

    // Ignores its signal, and throws when nobody listens any more.
    [routes.panicLate]: async () => {
      await sleep(limitMs * 1.5)
      throw new Error('secret-of-panic-late')
    },

    // Half a page, and then an error: buffered, so that nobody sees the half.
    [routes.template]: guard(
      () => new Response(brokenPage(), { headers: { 'content-type': 'text/html; charset=utf-8' } }),
      { buffer: true },
    ),

    [routes.large]: () =>
      new Response(largeBody(), { headers: { 'content-type': 'application/octet-stream' } }),

    [routes.events]: () =>
      new Response(eventStream(limitMs / 20), { headers: { 'content-type': 'text/event-stream' } }),

    // A route may take longer than the others.
    [routes.upload]: async (request) => {
      scopeOf(request).deadline.set(limitMs * 10)
      return Response.json(await receipt(new Uint8Array(await request.arrayBuffer())))
    },

    // Writes into a response that, after the deadline, goes nowhere.
    [routes.leaky]: async (request) => {
      const { response } = scopeOf(request)
      response.headers.set('x-leak', 'before')
      response.headers.set('set-cookie', 'secret=before')
      await sleep(limitMs * 1.2)
      for (let i = 0; i < 5; i++) {
        try {
          response.write('secret-of-leaky')
        } catch {
          // The write was late, and is told so.
        }
        await sleep(limitMs / 50)
      }
      return new Response('secret-of-leaky', { headers: { 'x-leak': 'after', 'set-cookie': 'secret=after' } })
    },

    // A stream that dries up: past `streamIdleMs` the connection is reset, for a clean end would be a lie.
    [routes.stalled]: guard(() => new Response(stalledBody()), { streamIdleMs: limitMs / 4 }),

    [routes.stats]: () => Response.json(guarded.stats),
  }

  const notFound = (): Response => new Response('Not Found', { status: 404 })

  const guarded = guard((request) => (table[new URL(request.url).pathname] ?? notFound)(request), {
    timeoutMs: limitMs,
    ...hooks,
  })

  return async (request, ...rest) => {
    const isPreflight = request.method === 'OPTIONS'
    const response = isPreflight
      ? new Response(null, { status: 204 })
      : await guarded(request, ...(rest as never[]))
    response.headers.set('access-control-allow-origin', '*')
    response.headers.set('x-request-id', crypto.randomUUID())
    return response
  }
}
