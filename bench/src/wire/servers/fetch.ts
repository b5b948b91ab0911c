import { guard } from '@curfew/core'
import { curfew } from '@curfew/hono'
import { Hono, type MiddlewareHandler } from 'hono'
import { timeout } from 'hono/timeout'
import { HOST, LIMIT_MS, TEXT, workAt } from '../work.ts'
import { listening, type Servers } from './servers.ts'

type Fetch = (request: Request) => Response | Promise<Response>
/** Listens with what the runtime has for that, or with what it has of Curfew's. */
interface Runtime {
  bare(fetch: Fetch): Promise<number>
  guarded(fetch: Fetch): Promise<number>
  /** Where guards further in see the connection, but there is none around. */
  unguarded(fetch: Fetch): Promise<number>
}

function appWith(middleware: MiddlewareHandler): Fetch {
  const app = new Hono()
  app.use(middleware)
  app.get('/:work', (c): Response | Promise<Response> => {
    const work = workAt(c.req.path)
    return work ? work.then(() => c.text(TEXT)) : c.text(TEXT)
  })
  // What Hono prints of errors is not what is measured.
  app.onError((_error, c) => c.text('late', 503))
  return app.fetch
}

const noop: MiddlewareHandler = (_c, next) => next()

const race: MiddlewareHandler = async (c, next) => {
  const signal = AbortSignal.any([c.req.raw.signal, AbortSignal.timeout(LIMIT_MS)])
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason))
  })
  await Promise.race([next(), aborted])
}

const listen = { port: 0, hostname: HOST }

async function runtime(): Promise<Runtime> {
  const { Bun, Deno } = globalThis as unknown as {
    Bun?: { serve(options: object): { port: number } }
    Deno?: { serve(options: object, fetch: Fetch): { addr: { port: number } } }
  }
  if (Bun) {
    const { serve } = await import('@curfew/bun')
    return {
      bare: async (fetch) => Bun.serve({ fetch, ...listen }).port,
      guarded: async (fetch) => serve({ fetch, ...listen, timeoutMs: LIMIT_MS }).server.port!,
      unguarded: async (fetch) => serve({ fetch, ...listen }).server.port!,
    }
  }
  if (Deno) {
    const { serve } = await import('@curfew/deno')
    return {
      bare: async (fetch) => Deno.serve({ ...listen, onListen: () => {} }, fetch).addr.port,
      guarded: async (fetch) => serve({ fetch, ...listen, timeoutMs: LIMIT_MS }).server.addr.port,
      unguarded: async (fetch) => serve({ fetch, ...listen }).server.addr.port,
    }
  }
  const [{ serve: serveBare }, { serve }] = await Promise.all([
    import('@hono/node-server'),
    import('@curfew/node'),
  ])
  return {
    bare: (fetch) => listening(serveBare({ fetch, ...listen }) as never),
    guarded: async (fetch) => (await serve({ fetch, ...listen, timeoutMs: LIMIT_MS }).listening).port,
    unguarded: async (fetch) => (await serve({ fetch, ...listen }).listening).port,
  }
}

const { bare, guarded, unguarded } = await runtime()

export const servers: Servers = {
  bare: () => bare(appWith(noop)),
  'guard() around it': () => bare(guard(appWith(noop), { timeoutMs: LIMIT_MS })),
  'serve({ timeoutMs })': () => guarded(appWith(noop)),
  'serve() and curfew()': () => unguarded(appWith(curfew({ timeoutMs: LIMIT_MS }))),
  'Hono timeout()': () => bare(appWith(timeout(LIMIT_MS))),
  'Promise.race, AbortSignal.any': () => bare(appWith(race)),
}
