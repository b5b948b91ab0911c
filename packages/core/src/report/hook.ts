import type { Outcome } from '../outcome.ts'
import type { TimeLeft } from '../recording.ts'
import type { Report, ReportedError } from './report.ts'

/** What a hook gets besides the report. */
export interface HookContext {
  /** Aborts when the hook has had its time: it is waited for no longer then, and counted as failed. */
  readonly signal: AbortSignal
  /** What was thrown, as it was thrown, and so **not redacted**: for tools that want the object. */
  readonly thrown: unknown
}

/** A hook that needs no more than a function. */
export type FireReport = (report: Report, context: HookContext) => unknown

/**
 * Where reports go. `fire` is called off the response path, apart from all other hooks, and under a time limit; what it
 * throws or rejects with is counted. It can neither delay nor change a response.
 *
 * @example
 * ```ts
 * const toQueue: Hook = {
 *   name: 'queue',
 *   fire: (report, { signal }) => queue.send(JSON.stringify(report), { signal }),
 * }
 * ```
 */
export interface Hook {
  readonly name: string
  fire?(report: Report, context: HookContext): unknown
  /**
   * For tracing and metrics: called as each request starts, in its async context. It runs on the path of the request,
   * so it must be quick; what it throws is counted, and otherwise ignored.
   */
  observe?(request: Request): Observer | undefined
  /**
   * Called at `reporter.flush()`, and once more if reports were still under way then: resolves when nothing is left to
   * be sent or written.
   */
  flush?(context: { readonly signal: AbortSignal }): unknown
}

/** Who sees one request through. Synchronous and quick, like `observe`. */
export interface Observer {
  /** The request is decided, and its response about to be sent: what makes it may still change its status. */
  decided?(outcome: Readonly<Outcome>, request: ObservedRequest): void
  /** The outcome is final: a body that had begun may have broken since, or its client left. */
  ended?(outcome: Readonly<Outcome>, request: ObservedRequest): void
}

/** What there is to know of the request besides how it ended. */
export interface ObservedRequest extends TimeLeft {
  readonly request: Request
  /** The pattern of the route, where the adapter knows: once the request has ended. */
  readonly route: string | undefined
  /** What was thrown, redacted, if the request failed. */
  error(): ReportedError | undefined
}
