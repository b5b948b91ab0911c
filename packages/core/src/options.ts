import * as z from 'zod/mini'
import { type Clock, systemClock } from './clock.ts'
import type { Failed, LateSettlement, Outcome, Rejected, TimedOut } from './outcome.ts'
import type { Reporter } from './recording.ts'
import { isReplyBody, type Reply } from './responses.ts'
import { type Counters, newCounters } from './stats.ts'
import { amount, callback, clock, flag, hasMethods, limit, timeout, toLimit, validate } from './validate.ts'

/** What a guard may be told. Everything has a default; everything is checked once, when the guard is made. */
export interface GuardOptions {
  /** Milliseconds that a handler has for its response (default 30 000). `false` or `Infinity`: as long as it likes. */
  timeoutMs?: number | false
  /** Status of the timeout response (default 503); 504 and 408 are the other usual ones. */
  timeoutStatus?: number
  /** Body of the timeout response, instead of `application/problem+json`. */
  timeoutResponse?: Reply<TimedOut>
  /** Body of the 500 when the handler throws, instead of `application/problem+json`. */
  failureResponse?: Reply<Failed>
  /** Body of the reply to a request that is not let in, instead of `application/problem+json`. */
  rejectionResponse?: Reply<Rejected>
  /** Puts the message of what was thrown into the 500 (default `false`): for development only. */
  exposeErrors?: boolean
  /** Hands on what the handler threw, once it is recorded, instead of answering 500 (default `false`). */
  rethrow?: boolean
  /** Also drains response bodies that are streams, under the deadline, before anything is sent (default `false`). */
  buffer?: boolean
  /** Bytes that a buffered response may have (default 1 MiB). */
  maxBytes?: number
  /** What becomes of a drained response past `maxBytes`: a 500 (`'fail'`, the default), or a stream after all. */
  overflow?: 'fail' | 'stream'
  /** Milliseconds that a response body may keep its reader waiting for the next chunk (default `false`). */
  streamIdleMs?: number | false
  /** Milliseconds that a response body may take, from the head to its end (default `false`). */
  streamTotalMs?: number | false
  /** When to follow the client where that has a cost: once it matters (`'lazy'`, the default), or always. */
  watch?: 'lazy' | 'eager'
  /**
   * Milliseconds that the request itself allows, as its headers say; `undefined` if they do not. It only shortens; 0 or
   * less is an instant 504.
   *
   * @example
   * ```ts
   * inbound({ headers }) {
   *   const ms = headers.get('x-timeout-ms')
   *   return ms === null ? undefined : Number(ms)
   * }
   * ```
   */
  inbound?: (request: Request) => number | undefined
  /** Refuses new requests with 503 while so many are active (default `Infinity`). */
  maxConcurrent?: number
  /** Refuses new requests with 503 while so many abandoned handlers are still at work (default `Infinity`). */
  maxAbandoned?: number
  /** Seconds in the `Retry-After` of such a refusal (default 1). */
  retryAfterSeconds?: number
  /** Aborted when the server stops: whoever still runs is told so and answered 503, and nobody new is let in. */
  shutdown?: AbortSignal
  /** Told how each request ended: the access log. Called later than the response is handed over; may be async. */
  onOutcome?: (outcome: Outcome, request: Request) => unknown
  /** Told what an abandoned handler did in the end, once for each. */
  onLateSettlement?: (late: LateSettlement, request: Request) => unknown
  /** Makes reports of requests that did not complete: `reporter()` of `@curfew/core/report`. */
  reporter?: Reporter
  /** Hands work that outlives the response to the runtime, where it has a `waitUntil` of its own. */
  waitUntil?: (promise: Promise<unknown>, request: Request) => void
  /** Where the time comes from (default: the runtime). */
  clock?: Clock
}

/** The options in force, with nothing left to decide, and what is counted under them. */
export interface Policy
  extends Omit<Required<GuardOptions>, keyof Optional | 'timeoutMs' | 'streamIdleMs' | 'streamTotalMs'>,
    Optional {
  readonly timeoutMs: number
  readonly streamIdleMs: number
  readonly streamTotalMs: number
  /** What was asked for, without the defaults. */
  readonly given: Partial<Policy>
  readonly counters: Counters
  /** Whom to tell at shutdown; only kept where there is a `shutdown` to be told of. */
  readonly running: Set<{ shutDown(): void }> | undefined
}

type Optional = {
  [Name in
    | 'timeoutResponse'
    | 'failureResponse'
    | 'rejectionResponse'
    | 'inbound'
    | 'shutdown'
    | 'onOutcome'
    | 'onLateSettlement'
    | 'reporter'
    | 'waitUntil']: GuardOptions[Name] | undefined
}

const reply = z.custom<never>(
  (value) => typeof value === 'function' || isReplyBody(value),
  'a string, a plain object, an unused Response or a function',
)

const schema = z.strictObject({
  timeoutMs: z.optional(timeout),
  timeoutStatus: z.optional(
    z.custom<number>(
      (value) => Number.isInteger(value) && (value as number) >= 400 && (value as number) <= 599,
      'a status from 400 to 599',
    ),
  ),
  timeoutResponse: z.optional(reply),
  failureResponse: z.optional(reply),
  rejectionResponse: z.optional(reply),
  exposeErrors: z.optional(flag),
  rethrow: z.optional(flag),
  buffer: z.optional(flag),
  maxBytes: z.optional(limit),
  overflow: z.optional(z.enum(['fail', 'stream'], "'fail' or 'stream'")),
  streamIdleMs: z.optional(timeout),
  streamTotalMs: z.optional(timeout),
  watch: z.optional(z.enum(['lazy', 'eager'], "'lazy' or 'eager'")),
  inbound: z.optional(callback),
  maxConcurrent: z.optional(limit),
  maxAbandoned: z.optional(limit),
  retryAfterSeconds: z.optional(amount('seconds')),
  shutdown: z.optional(z.custom<AbortSignal>(isAbortSignal, 'an AbortSignal')),
  onOutcome: z.optional(callback),
  onLateSettlement: z.optional(callback),
  reporter: z.optional(z.custom<Reporter>(hasMethods('start', 'flush'), 'a reporter()')),
  waitUntil: z.optional(callback),
  clock: z.optional(clock),
})

const defaults = {
  // Named although they have none, for a policy must not look any further for what it was not told.
  timeoutResponse: undefined,
  failureResponse: undefined,
  rejectionResponse: undefined,
  inbound: undefined,
  shutdown: undefined,
  onOutcome: undefined,
  onLateSettlement: undefined,
  reporter: undefined,
  waitUntil: undefined,
  timeoutMs: 30_000,
  timeoutStatus: 503,
  exposeErrors: false,
  rethrow: false,
  buffer: false,
  maxBytes: 1024 * 1024,
  overflow: 'fail',
  streamIdleMs: Number.POSITIVE_INFINITY,
  streamTotalMs: Number.POSITIVE_INFINITY,
  watch: 'lazy',
  maxConcurrent: Number.POSITIVE_INFINITY,
  maxAbandoned: Number.POSITIVE_INFINITY,
  retryAfterSeconds: 1,
  clock: systemClock,
} as const

/** Names of all options, for adapters that take more than a guard does. */
export const optionNames: readonly (keyof GuardOptions)[] = Object.keys(
  schema.shape,
) as (keyof GuardOptions)[]

/**
 * Checks the options and fills in the defaults.
 *
 * @throws {InvalidOptionError} naming the first option that is unknown or has a value that it cannot have
 */
export function parseOptions(options: GuardOptions = {}): Policy {
  const own = validate(schema, options)
  const given = withoutUndefined({
    ...own,
    timeoutMs: toLimit(own.timeoutMs),
    streamIdleMs: toLimit(own.streamIdleMs),
    streamTotalMs: toLimit(own.streamTotalMs),
  })
  return {
    ...defaults,
    ...given,
    given,
    counters: newCounters(),
    running: own.shutdown && new Set(),
  }
}

/** The outer guard's policy with what an inner one was explicitly told. Time and telling stay with their guards. */
export function adjust(outer: Policy, { given }: Policy): Policy {
  const { clock, watch, shutdown, rethrow, onOutcome, onLateSettlement, reporter, waitUntil, ...adjusted } =
    given
  return { ...outer, ...adjusted }
}

function withoutUndefined<T extends object>(object: T): { [Key in keyof T]: Exclude<T[Key], undefined> } {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as never
}

/** Not by its class, nor by what it calls itself: Vercel's edge says of its own that they are an EventTarget. */
function isAbortSignal(value: unknown): boolean {
  return listens(value) && typeof Reflect.get(value as object, 'aborted') === 'boolean'
}

const listens = hasMethods('addEventListener', 'removeEventListener')
