interface Globals {
  readonly process?: {
    readonly stderr?: {
      listenerCount?(event: 'error'): number
      on(event: 'error', listener: () => void): unknown
    }
  }
}

/**
 * To be called before something is said there: that nobody reads standard error any more is an event of it without a
 * listener on Node.js, and that ends the process.
 */
export function keepStderr(globals: Globals = globalThis as Globals): void {
  try {
    const stderr = globals.process?.stderr
    if (stderr?.listenerCount?.('error') === 0) stderr.on('error', () => {})
  } catch {
    // Some runtimes have it only to throw when it is used.
  }
}
