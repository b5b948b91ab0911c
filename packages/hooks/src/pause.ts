/** The longest that a timer can be set to; a longer one would strike at once. */
export const MAX_TIMER_MS: number = 2 ** 31 - 1

/** Resolves after `ms` milliseconds, or as soon as the signal is aborted: no timer is left then. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, Math.min(ms, MAX_TIMER_MS))
    signal.addEventListener('abort', done)
  })
}
