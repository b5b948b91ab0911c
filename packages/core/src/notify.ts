import type { Counters } from './stats.ts'

/**
 * Calls a hook once the work at hand is done. Whatever it does changes nothing for any client: what it throws, or
 * rejects with, is counted and goes to the console.
 */
export function notify<Args extends unknown[]>(
  counters: Counters,
  hook: (...args: Args) => unknown,
  ...args: Args
): void {
  const failed = (error: unknown): void => {
    counters.hookFailures++
    console.error(`Curfew hook failed: ${hook.name || 'anonymous'}`, error)
  }
  queueMicrotask(() => {
    try {
      Promise.resolve(hook(...args)).catch(failed)
    } catch (error) {
      failed(error)
    }
  })
}
