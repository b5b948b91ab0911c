/** A report came after `close()`: it was not written. */
export class HookClosedError extends Error {
  override readonly name = 'HookClosedError'
  readonly code = 'HOOK_CLOSED'

  constructor(hook: string) {
    super(`Hook is closed: ${hook}`)
  }
}

/** So much waits to be written that this report was not taken. */
export class QueueFullError extends Error {
  override readonly name = 'QueueFullError'
  readonly code = 'QUEUE_FULL'
  /** The limit that was in force, in bytes. */
  readonly maxQueuedBytes: number

  constructor(maxQueuedBytes: number) {
    super(`Queue of reports exceeded maxQueuedBytes: ${maxQueuedBytes}`)
    this.maxQueuedBytes = maxQueuedBytes
  }
}

/** A line of a file of reports is none: torn by a crash, too long, or something else. */
export class InvalidLineError extends Error {
  override readonly name = 'InvalidLineError'
  readonly code = 'INVALID_LINE'
  /** Its number in the file; the first is 1. */
  readonly line: number

  constructor(line: number, reason: string, cause?: unknown) {
    super(`Invalid line ${line}: ${reason}`, cause === undefined ? undefined : { cause })
    this.line = line
  }
}
