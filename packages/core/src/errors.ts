/**
 * Every error that Curfew itself makes has a stable `code`. Compare that, never the message.
 *
 * | code | class | where it is seen |
 * | --- | --- | --- |
 * | `HANDLER_TIMEOUT` | {@link HandlerTimeoutError} | the reason of `scope.signal` after the deadline |
 * | `CLIENT_CLOSED` | {@link ClientClosedError} | the reason of `scope.signal` after the client left |
 * | `SHUTDOWN` | {@link ShutdownError} | the reason of `scope.signal` when the server stops |
 * | `ESCAPED` | {@link EscapedError} | the reason of `scope.signal` after something that the handler had started threw, and nobody caught it |
 * | `STREAM_TIMEOUT` | {@link StreamTimeoutError} | the error of a response body past `streamIdleMs` or `streamTotalMs` |
 * | `STEP_TIMEOUT` | {@link StepTimeoutError} | the rejection of `scope.step()`, and the reason of its signal, when its time is over |
 * | `NO_TIME_LEFT` | {@link NoTimeLeftError} | the rejection of `scope.fetch()` and `scope.step()` when there is nothing left to begin with |
 * | `RESPONSE_TOO_LARGE` | {@link ResponseTooLargeError} | a buffered response past `maxBytes` |
 * | `RESPONSE_SENT` | {@link ResponseSentError} | a write into `scope.response` after the handler has answered |
 * | `NO_RESPONSE` | {@link NoResponseError} | the failure of a handler that comes back with nothing, or with something else |
 * | `UNANSWERED` | {@link UnansweredError} | the failure of a handler that destroys its response |
 * | `HOOK_TIMEOUT` | {@link HookTimeoutError} | the failure of a hook that took too long, and the reason of its signal |
 * | `INVALID_OPTION` | {@link InvalidOptionError} | thrown by `guard()` and by `deadline.set()` |
 * | `NOT_GUARDED` | {@link NotGuardedError} | thrown by `scopeOf()` |
 * | `INVALID_REPORT` | {@link InvalidReportError} | thrown by `parseReport()` of `@curfew/core/report` |
 */
export type CurfewErrorCode =
  | 'HANDLER_TIMEOUT'
  | 'CLIENT_CLOSED'
  | 'SHUTDOWN'
  | 'ESCAPED'
  | 'STREAM_TIMEOUT'
  | 'STEP_TIMEOUT'
  | 'NO_TIME_LEFT'
  | 'RESPONSE_TOO_LARGE'
  | 'RESPONSE_SENT'
  | 'NO_RESPONSE'
  | 'UNANSWERED'
  | 'HOOK_TIMEOUT'
  | 'INVALID_OPTION'
  | 'NOT_GUARDED'
  | 'INVALID_REPORT'

/** Why `scope.signal` aborted. */
export type AbortReason =
  | HandlerTimeoutError
  | ClientClosedError
  | ShutdownError
  | EscapedError
  | StreamTimeoutError

/** Why work is to stop. Whoever keeps one keeps nothing else by it. */
class Stop extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    // Until somebody reads it, V8 keeps with a stack all that its frames were called on: the request, with its body.
    void this.stack
  }
}

/** The deadline struck before the handler answered: the client has had its timeout response. */
export class HandlerTimeoutError extends Stop {
  override readonly name = 'TimeoutError'
  readonly code = 'HANDLER_TIMEOUT'
  /** The limit that was in force, in milliseconds. */
  readonly timeoutMs: number

  constructor(timeoutMs: number) {
    super(`Handler timed out: ${timeoutMs} ms`)
    this.timeoutMs = timeoutMs
  }
}

/** The client closed its connection, or reset its stream, before the response was complete. */
export class ClientClosedError extends Stop {
  override readonly name = 'AbortError'
  readonly code = 'CLIENT_CLOSED'

  constructor() {
    super('Client closed the connection: the response was not complete')
  }
}

/** The server stopped before the response was complete: the client has had a 503, or a reset if it had begun. */
export class ShutdownError extends Stop {
  override readonly name = 'AbortError'
  readonly code = 'SHUTDOWN'

  constructor() {
    super('Server shut down: the response was not complete')
  }
}

/**
 * Something that the handler had started threw, and nobody caught it: the client has had its 500, or a reset if its
 * response had begun. The `cause` is what was thrown.
 */
export class EscapedError extends Stop {
  override readonly name = 'AbortError'
  readonly code = 'ESCAPED'

  constructor(cause: unknown) {
    super('Error escaped the handler: the response was not complete', { cause })
  }
}

/** A response body that had begun was cut off by `streamIdleMs` or `streamTotalMs`. */
export class StreamTimeoutError extends Stop {
  override readonly name = 'TimeoutError'
  readonly code = 'STREAM_TIMEOUT'
  readonly limit: 'idle' | 'total'
  /** The limit that was in force, in milliseconds. */
  readonly timeoutMs: number

  constructor(limit: 'idle' | 'total', timeoutMs: number) {
    super(`Response stream timed out: ${limit} for ${timeoutMs} ms`)
    this.limit = limit
    this.timeoutMs = timeoutMs
  }
}

/** The time of a step was over before its work had settled. The request itself goes on. */
export class StepTimeoutError extends Stop {
  override readonly name = 'TimeoutError'
  readonly code = 'STEP_TIMEOUT'
  /** What the step had, in milliseconds. */
  readonly timeoutMs: number

  constructor(timeoutMs: number) {
    super(`Step timed out: ${timeoutMs} ms`)
    this.timeoutMs = timeoutMs
  }
}

/** Too little time was left to begin: nothing was sent, and nothing called. */
export class NoTimeLeftError extends Error {
  override readonly name = 'TimeoutError'
  readonly code = 'NO_TIME_LEFT'
  /** What was left, in milliseconds. */
  readonly remainingMs: number
  /** What it would have taken at least, in milliseconds. */
  readonly neededMs: number

  constructor(remainingMs: number, neededMs: number) {
    super(`No time left: ${remainingMs} ms, and it takes at least ${neededMs} ms`)
    this.remainingMs = remainingMs
    this.neededMs = neededMs
  }
}

/** A response that was to be buffered outgrew `maxBytes`. */
export class ResponseTooLargeError extends Error {
  override readonly name = 'ResponseTooLargeError'
  readonly code = 'RESPONSE_TOO_LARGE'
  /** The limit that was in force, in bytes. */
  readonly maxBytes: number

  constructor(maxBytes: number) {
    super(`Buffered response exceeded maxBytes: ${maxBytes}`)
    this.maxBytes = maxBytes
  }
}

/** `scope.response` was written into although the handler had answered: nothing of it goes anywhere. */
export class ResponseSentError extends Error {
  override readonly name = 'ResponseSentError'
  readonly code = 'RESPONSE_SENT'

  constructor(status: number) {
    super(`Response was sent already: ${status}`)
  }
}

/** The handler came back with nothing, and had written nothing, or with what is no response. */
export class NoResponseError extends TypeError {
  override readonly name = 'NoResponseError'
  readonly code = 'NO_RESPONSE'

  constructor(value: unknown) {
    super(`Handler returned no Response: ${show(value)}`)
  }
}

/** A handler that writes its response by itself destroyed that before it was sent: the connection has been closed. */
export class UnansweredError extends Error {
  override readonly name = 'UnansweredError'
  readonly code = 'UNANSWERED'

  constructor() {
    super('Handler destroyed its response before it was sent')
  }
}

/** A hook took longer than it may: it is waited for no longer. */
export class HookTimeoutError extends Error {
  override readonly name = 'TimeoutError'
  readonly code = 'HOOK_TIMEOUT'
  /** The limit that was in force, in milliseconds. */
  readonly timeoutMs: number

  constructor(timeoutMs: number) {
    super(`Hook timed out: ${timeoutMs} ms`)
    this.timeoutMs = timeoutMs
  }
}

/** An option has a value that it cannot have. The message names the option and the value. */
export class InvalidOptionError extends TypeError {
  override readonly name = 'InvalidOptionError'
  readonly code = 'INVALID_OPTION'
  readonly option: string

  constructor(option: string, expected: string, value: unknown) {
    super(`Invalid option ${option}: expected ${expected}, got ${show(value)}`)
    this.option = option
  }
}

/** `scopeOf()` was given a request that no guard runs for, or a copy of one. */
export class NotGuardedError extends Error {
  override readonly name = 'NotGuardedError'
  readonly code = 'NOT_GUARDED'

  constructor(request: unknown) {
    super(`Request is not guarded: ${describe(request)}`)
  }
}

/** What was to be a report is none, or one in a format that is newer than this version. */
export class InvalidReportError extends TypeError {
  override readonly name = 'InvalidReportError'
  readonly code = 'INVALID_REPORT'
  /** The property that is not as it must be, as a path: `request.headers`; empty for the report itself. */
  readonly path: string

  constructor(path: string, expected: string, value: unknown) {
    super(`Invalid report${path && ` at ${path}`}: expected ${expected}, got ${show(value)}`)
    this.path = path
  }
}

function describe(request: unknown): string {
  if (typeof request !== 'object' || request === null) return show(request)
  const { method, url } = request as { method?: unknown; url?: unknown }
  return typeof url === 'string' ? `${method} ${url}` : Object.prototype.toString.call(request)
}

function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'function') return `a function (${value.name || 'anonymous'})`
  if (typeof value === 'object' && value !== null) return Object.prototype.toString.call(value)
  return String(value)
}

/** Whether an abandoned handler stopped because it was told to, by the signal that was aborted with `reason`. */
export function isCancellation(error: unknown, reason: AbortReason | undefined): boolean {
  if (reason === undefined) return false
  const [name, cause] = [read(error, 'name'), read(error, 'cause')]
  if (name === 'AbortError' || ('cause' in reason && reason.cause === error)) return true
  return [error, cause].some((each) => each === reason || isCopy(each, reason))
}

/**
 * workerd rejects what was aborted with a copy of the reason, whose message older ones put its name before; and of the
 * reason of a handler that was left to itself there is no more than the like.
 */
function isCopy(error: unknown, reason: AbortReason): boolean {
  const message = read(error, 'message')
  return typeof message === 'string' && message.endsWith(reason.message)
}

/** Whether it says by itself that work was to stop: the reason of any request's signal, or that of a step. */
export function isStop(error: unknown): boolean {
  return [error, read(error, 'cause')].some((each) => stops.includes(read(each, 'constructor')))
}

const stops: readonly unknown[] = [
  HandlerTimeoutError,
  ClientClosedError,
  ShutdownError,
  EscapedError,
  StreamTimeoutError,
  StepTimeoutError,
  NoTimeLeftError,
]

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string | undefined {
  const message = read(error, 'message') ?? error
  return typeof message === 'object' && message !== null ? undefined : String(message)
}

/** Anything can be thrown, also what throws when it is looked at. */
export function read(error: unknown, name: string): unknown {
  try {
    return (error as Record<string, unknown> | null | undefined)?.[name]
  } catch {
    return undefined
  }
}
