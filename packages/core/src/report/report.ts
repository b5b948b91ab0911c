import type { LateSettlement, OutcomeKind } from '../outcome.ts'

/** What stands in a report in the place of a value that must not be seen. */
export const REDACTED = '[redacted]'

/**
 * Why there is a report: the request `failed`, or, if asked for, it `timed-out`, its handler was `abandoned` (it still
 * ran when the client left, say), or what was abandoned settled `late`. What nobody caught after the end of its request
 * is `late`, too, and told of to whoever is told of what `failed`.
 */
export type ReportKind = 'failed' | 'timed-out' | 'abandoned' | 'late'

/**
 * The record of a request that did not complete. Plain JSON, redacted before any hook sees it. Whatever there was
 * nothing to say about is left out.
 */
export interface Report {
  /** Version of this format. */
  readonly schema: 1
  /** A UUID. A `late` report has the id of the report that was made when its request ended, if there was one. */
  readonly id: string
  readonly kind: ReportKind
  /** When the request ended, or settled late: ISO 8601, unless `formatTime` says otherwise. */
  readonly time: string
  /** The same for the same crash: 16 hexadecimal digits over what was thrown and where, without line numbers. */
  readonly fingerprint: string
  /** How many requests it stands for: 1, or those that `repeatOf` was followed by. */
  readonly count: number
  /** On a count of repeats: the id of the report that told the first one whole. The request is that one's, too. */
  readonly repeatOf?: string
  /** What was thrown. */
  readonly error?: ReportedError
  readonly request: ReportedRequest
  /** The head of what was sent. */
  readonly response?: ReportedHead
  /** What the handler had written into `scope.response` until then. */
  readonly written?: ReportedHead & { readonly bytes: number }
  /** How the request ended. */
  readonly outcome: {
    readonly kind: OutcomeKind
    readonly status: number
    readonly phase?: string
    /** There where nobody caught what was thrown: see `contain()`. */
    readonly escaped?: boolean
  }
  readonly timing: {
    /** Milliseconds from the start of the request to its ending. */
    readonly elapsedMs: number
    /** The limit in force at the end, in milliseconds; `null` for none. */
    readonly timeoutMs: number | null
    /** How late the timer was, in milliseconds, if the deadline struck. */
    readonly lateMs?: number
  }
  /** Whether the handler was still at work when the request ended. */
  readonly abandoned: boolean
  /** What the abandoned handler did in the end, if that is known. */
  readonly late?: {
    readonly kind: LateSettlement['kind']
    /** Milliseconds from the ending to this settlement. */
    readonly afterMs: number
    /** There where it is not the handler that settled, but something that it had started: see `contain()`. */
    readonly escaped?: boolean
  }
  readonly where: Where
  /** Parts that are missing because something failed while they were made: `request.headers`, say. */
  readonly omitted?: readonly string[]
}

/** A thrown value. One that is no `Error` is named after its type. */
export interface ReportedError {
  readonly name: string
  readonly message: string
  readonly stack?: string
  /** Its own enumerable properties. */
  readonly fields?: Readonly<Record<string, unknown>>
  /** What was thrown, as far as JSON can tell, where it was an object that is no `Error`. */
  readonly value?: unknown
  readonly cause?: ReportedError
  /** The members of an `AggregateError`. */
  readonly errors?: readonly ReportedError[]
}

export interface ReportedRequest {
  /** From `x-request-id`, the trace of `traceparent`, a function, the response's `x-request-id`; or made. */
  readonly id: string
  readonly method: string
  /** Without credentials; the values of its query are redacted by name. */
  readonly url: string
  /** The pattern of the route that handled it, where the adapter knows: `/users/:id`. */
  readonly route?: string
  readonly headers?: Readonly<Record<string, string>>
  /** What the handler had read of the body. */
  readonly body?: ReportedBody
}

/**
 * A body by what its content type says it is; `opaque` if that cannot be shown: binary, JSON that does not parse or is
 * longer than what was kept. `bytes` is how much the handler had read, `complete` whether that was all, and all of it
 * is here.
 */
export type ReportedBody =
  | { readonly kind: 'json'; readonly bytes: number; readonly complete: boolean; readonly value: unknown }
  | {
      readonly kind: 'form' | 'multipart'
      readonly bytes: number
      readonly complete: boolean
      readonly fields: readonly ReportedField[]
    }
  | { readonly kind: 'text'; readonly bytes: number; readonly complete: boolean; readonly text: string }
  | {
      readonly kind: 'opaque'
      readonly bytes: number
      readonly complete: boolean
      /** Hexadecimal SHA-256 of what was kept. */
      readonly sha256: string
    }

/** A field of a form; a file is its name, type and length only. */
export interface ReportedField {
  readonly name: string
  /** Its value; of a file, the file's name. */
  readonly value: string
  readonly file?: { readonly type: string; readonly bytes: number }
}

export interface ReportedHead {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
}

/** The process that it happened in, as far as it knows itself. */
export interface Where {
  readonly service?: string
  readonly version?: string
  readonly instance?: string
  readonly region?: string
  readonly hostname?: string
  readonly pid?: number
  readonly runtime?: { readonly name: string; readonly version?: string }
  readonly os?: string
  readonly arch?: string
}
