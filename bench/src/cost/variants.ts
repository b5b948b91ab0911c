import { type GuardOptions, guard } from '@curfew/core'
import { curfew } from '@curfew/hono'
import { Effect } from 'effect'
import { Hono, type MiddlewareHandler } from 'hono'
import { timeout } from 'hono/timeout'
import pTimeout from 'p-timeout'

/** A handler, with the signal that it is to listen to. */
export type Work = (request: Request, signal: () => AbortSignal) => Answer | PromiseLike<Answer>
type Answer = Response | undefined
/** What a server calls. */
export type Served = (request: Request) => Answer | PromiseLike<Answer>

/** What is asked of those that limit a handler. */
export interface Terms {
  readonly timeoutMs: number
  /** Whether the client is to be followed, where that has to be asked for. */
  readonly followsClient: boolean
  readonly guard: GuardOptions
}

export interface Variant {
  /** What it is compared with: the same without a limit. */
  readonly base: VariantName
  /** Whether it does by itself what a guard does, so that the handler does not have to. */
  readonly isGuard: boolean
  wrap(work: Work, terms: Terms): Served
}

const own = (request: Request) => () => request.signal
const tooLate = () => new Response('late', { status: 503 })
const noop: MiddlewareHandler = (_c, next) => next()

const variantsByName = {
  bare: variant('bare', (work) => (request) => work(request, own(request))),
  'guard()': guarding('bare', (work, { guard: options, timeoutMs }) =>
    guard((request) => work(request, own(request)) as Response, { timeoutMs, ...options }),
  ),
  'Promise.race, AbortSignal.any': variant('bare', (work, { timeoutMs }) => (request) => {
    const signal = AbortSignal.any([request.signal, AbortSignal.timeout(timeoutMs)].filter(Boolean))
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason))
    })
    return Promise.race([work(request, () => signal), aborted]).catch((error) => {
      if (error.name === 'TimeoutError') return tooLate()
      throw error
    })
  }),
  'p-timeout': variant(
    'bare',
    (work, { timeoutMs, followsClient }) =>
      (request) =>
        pTimeout(Promise.resolve(work(request, own(request))), {
          milliseconds: timeoutMs,
          fallback: tooLate,
          ...(followsClient && { signal: request.signal }),
        }),
  ),
  'Effect timeout': variant('bare', (work, { timeoutMs, followsClient }) => (request) => {
    const limited = Effect.tryPromise({
      try: async (signal) => work(request, () => signal),
      catch: (error) => error,
    }).pipe(Effect.timeoutOrElse({ duration: timeoutMs, orElse: () => Effect.sync(tooLate) }))
    return Effect.runPromise(limited, followsClient ? { signal: request.signal } : undefined)
  }),
  'Hono, a no-op': variant('Hono, a no-op', (work) => inHono(noop, work)),
  'Hono, timeout()': variant('Hono, a no-op', (work, { timeoutMs }) => inHono(timeout(timeoutMs), work)),
  'Hono, guard() around it': guarding('Hono, a no-op', (work, { guard: options, timeoutMs }) =>
    guard(inHono(noop, work) as (request: Request) => Response, { timeoutMs, ...options }),
  ),
  'Hono, curfew()': guarding('Hono, a no-op', (work, { guard: options, timeoutMs }) =>
    inHono(curfew({ timeoutMs, ...options }), work),
  ),
}

export type VariantName =
  | 'bare'
  | 'guard()'
  | 'Promise.race, AbortSignal.any'
  | 'p-timeout'
  | 'Effect timeout'
  | 'Hono, a no-op'
  | 'Hono, timeout()'
  | 'Hono, guard() around it'
  | 'Hono, curfew()'

export const variants: Record<VariantName, Variant> = variantsByName

function variant(base: VariantName, wrap: Variant['wrap']): Variant {
  return { base, isGuard: false, wrap }
}

function guarding(base: VariantName, wrap: Variant['wrap']): Variant {
  return { base, isGuard: true, wrap }
}

function inHono(middleware: MiddlewareHandler, work: Work): Served {
  const app = new Hono()
  app.use(middleware)
  app.all('*', (c) => work(c.req.raw, own(c.req.raw)) as Response)
  return (request) => app.fetch(request)
}
