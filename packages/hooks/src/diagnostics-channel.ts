import { channel } from 'node:diagnostics_channel'
import { InvalidOptionError } from '@curfew/core'
import type { Hook, Report } from '@curfew/core/report'

/** What subscribers get. */
export interface DiagnosticsMessage {
  readonly report: Report
  /** What was thrown, as it was thrown, and so **not redacted**. */
  readonly thrown: unknown
}

/**
 * Publishes each report on a channel of `node:diagnostics_channel`; while nobody subscribes, it does nothing. All
 * subscribers are called before `fire()` returns, whatever one of them throws. But what it throws Node.js treats as
 * an error that nobody caught, and that ends the process, unless there is an `uncaughtException` listener.
 *
 * @throws {InvalidOptionError} for a name that is no string or symbol, or is empty
 *
 * @example
 * ```ts
 * subscribe('curfew:report', (message) => count((message as DiagnosticsMessage).report.kind))
 * const toChannel = diagnosticsChannel()
 * ```
 */
export function diagnosticsChannel(name: string | symbol = 'curfew:report'): Hook {
  if (name === '' || !['string', 'symbol'].includes(typeof name)) {
    throw new InvalidOptionError('name', 'a name or a symbol', name)
  }
  const reports = channel(name)
  return {
    name: 'diagnostics-channel',
    fire(report, { thrown }) {
      if (reports.hasSubscribers) reports.publish({ report, thrown } satisfies DiagnosticsMessage)
    },
  }
}
