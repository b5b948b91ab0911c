import '../as-served.ts'
import { guard } from '@curfew/core'
import { Hono } from 'hono'
import { timeout } from 'hono/timeout'

/** A handler that is pending until somebody settles it. */
type Pending = (request: Request) => Promise<Response>
type Limited = (request: Request) => Response | Promise<Response>

const tooLate = () => new Response('late', { status: 503 })

/** What keeps a request pending, and ends it after so many milliseconds. */
export const scaleVariants: Record<ScaleVariant, (handler: Pending, timeoutMs: number) => Limited> = {
  bare: (handler) => handler,
  'guard()': (handler, timeoutMs) => guard(handler, { timeoutMs }),
  'a timer each, by hand': (handler, timeoutMs) => (request) =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => resolve(tooLate()), timeoutMs)
      handler(request).then((response) => {
        clearTimeout(timer)
        resolve(response)
      }, reject)
    }),
  'Hono, timeout()': (handler, timeoutMs) => {
    const app = new Hono()
    app.use(timeout(timeoutMs))
    app.all('*', (c) => handler(c.req.raw))
    return (request) => app.fetch(request) as Promise<Response>
  },
  'Promise.race, AbortSignal.any': (handler, timeoutMs) => (request) => {
    const client = new AbortController()
    const signal = AbortSignal.any([client.signal, AbortSignal.timeout(timeoutMs)])
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason))
    })
    return Promise.race([handler(request), aborted]).catch(tooLate)
  },
}

export type ScaleVariant =
  | 'bare'
  | 'guard()'
  | 'a timer each, by hand'
  | 'Hono, timeout()'
  | 'Promise.race, AbortSignal.any'
