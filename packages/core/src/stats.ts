import type { LateSettlement, OutcomeKind, Rejected } from './outcome.ts'

/** What a guard has seen since it was made. Live: read it again for newer numbers. */
export interface Stats {
  /** Requests that have not ended yet. */
  readonly active: number
  /**
   * Handlers that are still at work although their request has ended. Those from which an error escaped are not among
   * them: what would have settled them has thrown, so most of them never do.
   */
  readonly abandoned: number
  /** Requests by how they ended. */
  readonly outcomes: Readonly<Record<OutcomeKind, number>>
  /** Requests that were not let in, by why. */
  readonly refused: Readonly<Record<Rejected['reason'], number>>
  /** Abandoned handlers by what they did in the end. */
  readonly late: Readonly<Record<LateSettlement['kind'], number>>
  /** Errors that nobody caught and that requests were charged with, also after their end: see `contain()`. */
  readonly escaped: number
  /** Requests whose `inbound` was not understood, and therefore ignored. */
  readonly inboundIgnored: number
  /** Requests whose `receivedAt` was not understood, or not plausible, and therefore ignored. */
  readonly receivedAtIgnored: number
  /** Attempts of abandoned handlers to write into their response. */
  readonly lateWrites: number
  /** Hooks that threw, rejected or took too long. */
  readonly hookFailures: number
  /** Asynchronous hooks that are at work. */
  readonly hooksPending: number
  /** Calls of hooks that were dropped because too many were at work. */
  readonly hooksDropped: number
}

/** The same, for the guard that counts. */
export type Counters = {
  -readonly [Key in keyof Stats]: Stats[Key] extends number
    ? number
    : { -readonly [Kind in keyof Stats[Key]]: number }
}

export function newCounters(): Counters {
  return {
    active: 0,
    abandoned: 0,
    outcomes: { completed: 0, 'timed-out': 0, 'client-closed': 0, failed: 0, rejected: 0 },
    refused: { expired: 0, malformed: 0, overloaded: 0, shutdown: 0 },
    late: { completed: 0, failed: 0, cancelled: 0 },
    escaped: 0,
    inboundIgnored: 0,
    receivedAtIgnored: 0,
    lateWrites: 0,
    hookFailures: 0,
    hooksPending: 0,
    hooksDropped: 0,
  }
}
