import { LONGEST_TIMER_MS } from '@curfew/core'

/** Resolves after `ms` milliseconds, or as soon as the signal is aborted: no timer is left then. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, Math.min(ms, LONGEST_TIMER_MS))
    signal.addEventListener('abort', done)
  })
}
