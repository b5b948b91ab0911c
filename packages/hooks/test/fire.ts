import type { Hook, Report } from '@curfew/core/report'

/** Fires a hook as a reporter does. */
export async function fire(hook: Hook, report: Report, signal?: AbortSignal): Promise<void> {
  await hook.fire?.(report, { signal: signal ?? new AbortController().signal, thrown: undefined })
}

/** What a promise rejects with. */
export function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => {
      throw new Error('It was fulfilled')
    },
    (error: unknown) => error,
  )
}
