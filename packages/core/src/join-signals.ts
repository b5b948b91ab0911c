/** One signal for several, until it is released. */
export interface JoinedSignals {
  readonly signal: AbortSignal
  /** Leaves no listener behind: the joined signal follows the others no longer. */
  release(): void
}

/**
 * Aborts with the first of `signals` that does, and with its reason. `AbortSignal.any` would do the same, but costs more,
 * and is collected too early on some versions of Node.
 */
export function joinSignals(signals: readonly AbortSignal[]): JoinedSignals {
  const controller = new AbortController()

  function release(): void {
    for (const signal of signals) signal.removeEventListener('abort', follow)
  }
  function follow(event: { target: unknown }): void {
    release()
    controller.abort((event.target as AbortSignal).reason)
  }

  const aborted = signals.find((signal) => signal.aborted)
  if (aborted) controller.abort(aborted.reason)
  else for (const signal of signals) signal.addEventListener('abort', follow)
  return { signal: controller.signal, release }
}
