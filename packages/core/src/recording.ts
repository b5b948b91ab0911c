import type { LateSettlement, Outcome } from './outcome.ts'
import type { ResponseBuffer } from './response-buffer.ts'

/**
 * Who follows every request of a guard and makes reports of those that did not complete: `reporter()` of
 * `@curfew/core/report`. A guard knows no more of it than this.
 */
export interface Reporter {
  /** A request starts, in its own async context. */
  start(request: Request): Recording
  /** Resolves when all that was reported has gone where it goes, or the time is up; with whether it has. */
  flush(options?: { timeoutMs?: number }): Promise<boolean>
}

/** One request as a reporter follows it. None of this may throw, nor take its time. */
export interface Recording {
  /** Whether it has, once the request is over, no use for how an abandoned handler settles. */
  readonly isDone?: boolean
  /** Decided, and the response is about to be sent. */
  decided(outcome: Outcome, time: TimeLeft): void
  /** Over: the outcome is final. */
  ended(ending: Ending): void
  /** The abandoned handler has settled, or something escaped after the end. */
  settled(late: LateSettlement, ending: Ending): void
}

/** What there was of the time when a request was decided. */
export interface TimeLeft {
  /** The limit in force, in milliseconds; `Infinity` where there was none. */
  readonly timeoutMs: number
  /** Milliseconds that were left of it. */
  readonly remainingMs: number
}

/** A request at its end. */
export interface Ending {
  readonly request: Request
  readonly outcome: Outcome
  /** Whether the handler is still at work. */
  readonly abandoned: boolean
  /** The limit in force, in milliseconds. */
  readonly timeoutMs: number
  /** The head of what was sent. */
  readonly response: Pick<Response, 'status' | 'headers'> | undefined
  /** What the handler had written by itself. */
  readonly written: ResponseBuffer | undefined
  /** The pattern of the route, if the adapter knows. */
  readonly route: string | undefined
  /** Keeps the runtime from dropping work that outlives the response. */
  keepAlive(work: Promise<unknown>): void
}
