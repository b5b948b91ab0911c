import type { OutgoingHttpHeaders } from 'node:http'
import type { Outgoing } from './connection.ts'

/** A response whose bytes stay in memory until it is decided what is sent. */
export interface Held {
  /** What has been written goes out, and what follows goes out as it is written. */
  release(): void
  /**
   * The headers of a response with this status that takes the place of this one: `headers`, and what those outside set as
   * a head is written, as loggers and timers do. Not their cookies, for those are of a session that the handler has changed.
   */
  headersOf(status: number, headers: OutgoingHttpHeaders): OutgoingHttpHeaders
  /**
   * What has been written is forgotten, and another response takes its place, with these headers to begin with. Whoever
   * wrote is told that his is closed. Once the other one has been sent, his says what that said, and has finished.
   */
  replace(headers: OutgoingHttpHeaders): Outgoing
  /** What has been written is forgotten: there is nobody to send it to. */
  drop(): void
}

/** Who is told what a handler does with a response that is held. */
export interface Holder {
  /** Bytes that a response which has not ended may have in memory. */
  readonly maxBytes: number
  /** It has ended the response. */
  onEnd(): void
  /** The response has to begin although it has not ended. */
  onBegin(why: Begun): void
  /** It gives the response up, because of `error`: a stream that was piped into it broke, say. */
  onGiveUp(error: unknown): void
  /** It closes the connection instead of ending the response. */
  onDestroy(): void
  /** It breaks a response off that has begun, because of `error`. */
  onBreak(error: unknown): void
  /** Whether it has. It may well destroy the response then, in whose place there is to be another one. */
  readonly isGivenUp: boolean
  /** It writes into a response that has begun. */
  onWrite(): void
  /** It writes into a response that was replaced or dropped; `last` if it ended it. */
  onLate(last: boolean): void
}

/** Why a response began before it had ended. */
export type Begun = 'flushed' | 'event-stream' | 'overflowed'
