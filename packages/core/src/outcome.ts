/**
 * How a request ended. There is exactly one for each request; switch on `kind`.
 *
 * @example
 * ```ts
 * onOutcome(outcome, request) {
 *   console.log(outcome.status, request.method, request.url, Math.round(outcome.elapsedMs))
 *   if (outcome.kind === 'failed') console.error(outcome.error)
 * }
 * ```
 */
export type Outcome = Completed | TimedOut | ClientClosed | Failed | Rejected

export type OutcomeKind = Outcome['kind']

interface Ending {
  /** The status that was sent; 499 for a client that had gone, which is never sent. */
  status: number
  /**
   * Milliseconds from the start of the request to its ending. It started when a proxy received it, if the guard has
   * `receivedAt` and the request says so.
   */
  elapsedMs: number
}

/** The handler's own response was sent. An error that it threw *as* a response below 500 counts, too. */
export interface Completed extends Ending {
  readonly kind: 'completed'
  /**
   * On a response that its handler writes by itself: why it went out before it had ended. The handler flushed its head, it
   * is an event stream, or it outgrew `maxBytes`. What is written after that is not held back any more.
   */
  streamed?: 'flushed' | 'event-stream' | 'overflowed'
}

/** The deadline struck while the handler ran, or a stream limit after its response had begun. */
export interface TimedOut extends Ending {
  readonly kind: 'timed-out'
  /**
   * Who was slow: the handler (`handling`), or the client, whose body the handler was waiting for (`receiving`). Of that a
   * guard knows only where its adapter does.
   */
  readonly phase: 'handling' | 'receiving' | 'streaming'
  /** The limit that was in force, in milliseconds. */
  readonly timeoutMs: number
  /** How late the timer itself was, in milliseconds: a blocked event loop shows here. */
  readonly lateMs: number
}

/** The client left: before the handler ran, while it ran, or while its response was being written. */
export interface ClientClosed extends Ending {
  readonly kind: 'client-closed'
  readonly phase: 'waiting' | 'handling' | 'writing'
}

/** The handler threw, or its body did after it had begun, or the server was shut down. */
export interface Failed extends Ending {
  readonly kind: 'failed'
  readonly phase: 'handling' | 'streaming'
  /** What was thrown, as it was thrown. */
  readonly error: unknown
  /** There where nobody caught it: a timer, an emitter or a promise that nobody waits for threw it, see `contain()`. */
  readonly escaped?: true
}

/** The handler never ran. */
export interface Rejected extends Ending {
  readonly kind: 'rejected'
  readonly reason: 'expired' | 'malformed' | 'overloaded' | 'shutdown'
}

/**
 * What an abandoned handler did after its request had ended. Its result reached nobody; `cancelled` means that it
 * stopped because its signal told it to. Also what nobody caught after the ending of its request (`escaped`), of which
 * one request may have any number.
 */
export interface LateSettlement {
  readonly kind: 'completed' | 'failed' | 'cancelled'
  /** How the request had ended, before this. */
  readonly outcome: Outcome
  /** Milliseconds from the ending to this settlement. */
  readonly afterMs: number
  /** What was thrown, when it `failed` or was `cancelled`. */
  readonly error?: unknown
  /** There where it is not the handler that settled, but something that it had started and that nobody waits for. */
  readonly escaped?: true
}
