import type { Afterwards } from './afterwards.ts'
import { within } from './within.ts'

/** How long the answers to those who were cut short may take to be written, in milliseconds. */
const FLUSH_MS = 1_000

/** How long hooks may take, and the reports of what happened last, in milliseconds. */
const AFTERWARDS_MS = 5_000

/** What became of the requests that a server still had when it stopped to accept connections. */
export interface Closed {
  /** Requests that ended by themselves: they were answered, timed out or failed, or their client left. */
  readonly finished: number
  /** Requests whose handler had not answered at the end of the grace: it was aborted, the client has had a 503. */
  readonly shutDown: number
  /** Requests that were cut off: their response had begun, or nothing guarded them. */
  readonly cutOff: number
  /** Whether hooks, `scope.waitUntil()` and reporters were done with all of it within 5 s. */
  readonly flushed: boolean
}

/** What became of all requests of a server since it stopped to accept connections. */
export interface Toll extends Pick<Closed, 'shutDown' | 'cutOff'> {
  /** How many there were. */
  readonly total: number
}

/** A server that has stopped to accept connections. */
export interface Closing {
  /** Resolves when its last connection has ended. */
  readonly ended: Promise<unknown>
  /** Answers for the handlers that have not answered. */
  shutDown(): void
  /** Ends every connection that there still is. */
  cutOff(): unknown
  /** Asked when all of that is over. */
  toll(): Toll
  readonly afterwards: Afterwards
}

/**
 * Lets requests finish for `graceMs` milliseconds, then answers for those that have not, then cuts off what is left of
 * them. Resolves when the last connection has ended, and what goes on afterwards is done (5 s at most).
 */
export async function closeGracefully(
  graceMs: number,
  { ended, shutDown, cutOff, toll, afterwards }: Closing,
): Promise<Closed> {
  let flushed = false
  try {
    await end()
  } finally {
    flushed = await afterwards.done(AFTERWARDS_MS)
  }
  const { total, ...stopped } = toll()
  return { finished: total - stopped.shutDown - stopped.cutOff, ...stopped, flushed }

  async function end(): Promise<void> {
    if (await within(graceMs, ended)) return
    shutDown()
    if (await within(FLUSH_MS, ended)) return
    await cutOff()
    await ended
  }
}
