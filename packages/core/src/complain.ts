import type { Clock } from './clock.ts'
import { keepStderr } from './keep-stderr.ts'

/** Says on the console what nobody else is told. */
export function complain(what: string, error: unknown): void {
  keepStderr()
  try {
    console.error(what, error)
  } catch {
    // Some errors throw when they are looked at.
    console.error(what, typeof error)
  }
}

/** For so long nothing more is said of whoever has just failed, in milliseconds. */
const QUIET_MS = 60_000

const told = new WeakMap<object, { readonly until: number; readonly untold: number }>()

/**
 * The same of a hook, which may fail with each request: once a minute, and how often it was not said. A console that is
 * written to that often would hold up all requests.
 */
export function complainOf(hook: object, name: string, clock: Clock, error: unknown): void {
  const now = clock.now()
  const { until = 0, untold = 0 } = told.get(hook) ?? {}
  if (now < until) {
    told.set(hook, { until, untold: untold + 1 })
    return
  }
  told.set(hook, { until: now + QUIET_MS, untold: 0 })
  complain(
    `Curfew hook failed: ${name}${untold ? ` (${untold} times more since this was last told)` : ''}`,
    error,
  )
}
