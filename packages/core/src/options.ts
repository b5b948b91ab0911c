import * as z from 'zod/mini'
import { type Arrival, arrivalReader } from './arrival.ts'
import { type Clock, systemClock } from './clock.ts'
import { deadlineHeaders } from './deadline-header.ts'
import { type Inbound, isInbound } from './inbound.ts'
import { isWorkerd } from './is-workerd.ts'
import {
  defaultOutbound,
  type Outbound,
  type OutboundOptions,
  outboundSchema,
  toOutbound,
} from './outbound.ts'
import type { Failed, LateSettlement, Outcome, Rejected, TimedOut } from './outcome.ts'
import { isReceivedAt, type ReceivedAt } from './received-at.ts'
import type { Reporter } from './recording.ts'
import { isReplyBody, type Reply } from './responses.ts'
import { Roster } from './roster.ts'
import { type Shedding, SheddingWatch } from './shedding.ts'
import { type Counters, newCounters } from './stats.ts'
import {
  amount,
  callback,
  clock,
  flag,
  hasMethods,
  limit,
  oneOf,
  timeout,
  toLimit,
  validate,
} from './validate.ts'
import { WaitingList } from './waiting-list.ts'

/** What a guard may be told. Everything has a default; everything is checked once, when the guard is made. */
export interface GuardOptions {
  /** Milliseconds that a handler has for its response (default 30 000). `false` or `Infinity`: as long as it likes. */
  timeoutMs?: number | false
  /**
   * Status of the timeout response (default 503); 504 is the other usual one. Where the adapter knows that it was the
   * client who was slow, because the handler still waited for the request's body, the answer is a 408 in any case.
   */
  timeoutStatus?: number
  /**
   * Body of the timeout response, instead of `application/problem+json`. It takes the place of the 408 for a slow client,
   * too: a function tells them apart by `outcome.phase`.
   */
  timeoutResponse?: Reply<TimedOut>
  /** Body of the 500 when the handler throws, instead of `application/problem+json`. */
  failureResponse?: Reply<Failed>
  /** Body of the reply to a request that is not let in, instead of `application/problem+json`. */
  rejectionResponse?: Reply<Rejected>
  /** Puts the message of what was thrown into the 500 (default `false`): for development only. */
  exposeErrors?: boolean
  /** Says in `Server-Timing` how each request ended, and when (default `false`): for development, as it copies replies. */
  serverTiming?: boolean
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
   * How long the caller of this request waits, so that nothing goes on for longer: a header, several headers (the
   * shortest that is there counts), or a function that gives milliseconds, and `undefined` for a request that does not
   * say. It only ever shortens `timeoutMs`, and no handler can lengthen it; with 0 or less the handler does not run, and
   * the client gets a 504. What is no time (`NaN`, a function that throws) is ignored and counted in
   * `stats.inboundIgnored`.
   *
   * @example
   * ```ts
   * guard(handler, { inbound: ['connect-timeout-ms', 'grpc-timeout', 'x-envoy-expected-rq-timeout-ms'] })
   *
   * guard(handler, {
   *   inbound({ headers }) {
   *     const seconds = headers.get('x-patience')
   *     return seconds === null ? undefined : Number(seconds) * 1_000
   *   },
   * })
   * ```
   */
  inbound?: Inbound
  /** What becomes of a request whose `inbound` is no time: it is let in without (default), or answered 400. */
  malformedInbound?: 'ignore' | 'reject'
  /**
   * When a proxy in front received the request, so that the time in its queue counts against the deadline, and against
   * `timeoutMs`: the name of a header, or a function that gives milliseconds since the epoch. The usual header is
   * `x-request-start`, in seconds, milli-, micro- or nanoseconds, with `t=` before it or not. What is in the future, or
   * longer ago than a minute, comes of a clock that is wrong, and is ignored and counted in `stats.receivedAtIgnored`.
   *
   * @example
   * ```ts
   * guard(handler, { timeoutMs: 5_000, receivedAt: 'x-request-start' })
   * ```
   */
  receivedAt?: ReceivedAt
  /** How requests to other services, by `scope.fetch()`, are told of the deadline. */
  outbound?: OutboundOptions
  /** Refuses new requests with 503 while so many are active (default `Infinity`). */
  maxConcurrent?: number
  /** Refuses new requests with 503 while so many abandoned handlers are still at work (default `Infinity`). */
  maxAbandoned?: number
  /**
   * Told when the guard begins to refuse requests because of these two, and when it is over: when there is room, and
   * nobody has been refused for a second. Called like `onOutcome`, which is told of each refusal.
   */
  onShedding?: (shedding: Shedding) => unknown
  /** Seconds in the `Retry-After` of such a refusal (default 1). */
  retryAfterSeconds?: number
  /** Aborted when the server stops: whoever still runs is told so and answered 503, and nobody new is let in. */
  shutdown?: AbortSignal
  /** Told how each request ended: the access log. Called later than the response is handed over; may be async. */
  onOutcome?: (outcome: Outcome, request: Request) => unknown
  /**
   * Told what an abandoned handler did in the end, once for each; and of what escaped after the end of its request. Until
   * then the request is kept, also for a handler that never settles.
   */
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
  extends Omit<
      Required<GuardOptions>,
      keyof Optional | 'outbound' | 'timeoutMs' | 'streamIdleMs' | 'streamTotalMs'
    >,
    Optional {
  readonly timeoutMs: number
  readonly streamIdleMs: number
  readonly streamTotalMs: number
  readonly outbound: Outbound
  /** Whether a deadline that strikes runs code of the user's, besides listeners of the signal. */
  readonly isHeard: boolean
  /** The policy by itself, as the list of the guards of a request that passes no other one. */
  readonly alone: readonly Policy[]
  /** Where requests wait for the first tick, and for the deadline; not on workerd, where they share no timer. */
  readonly firstTicks: WaitingList | undefined
  readonly deadlines: WaitingList | undefined
  /** What was asked for, without the defaults. */
  readonly given: Partial<Policy>
  readonly counters: Counters
  /** What a request says of its own time; only there where somebody asked for it. */
  readonly readArrival: ((request: Request) => Arrival) | undefined
  /** Who follows how requests are shed; only there where somebody is to be told. */
  readonly shedding: SheddingWatch | undefined
  /** Whom to tell at shutdown; only kept where there is a `shutdown` to be told of. */
  readonly running: Roster<{ shutDown(): void }> | undefined
}

type Optional = {
  [Name in
    | 'timeoutResponse'
    | 'failureResponse'
    | 'rejectionResponse'
    | 'inbound'
    | 'receivedAt'
    | 'shutdown'
    | 'onOutcome'
    | 'onShedding'
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
  serverTiming: z.optional(flag),
  rethrow: z.optional(flag),
  buffer: z.optional(flag),
  maxBytes: z.optional(limit),
  overflow: z.optional(oneOf('fail', 'stream')),
  streamIdleMs: z.optional(timeout),
  streamTotalMs: z.optional(timeout),
  watch: z.optional(oneOf('lazy', 'eager')),
  inbound: z.optional(
    z.custom<Inbound>(isInbound, `a function, or one or more of ${deadlineHeaders.join(', ')}`),
  ),
  malformedInbound: z.optional(oneOf('ignore', 'reject')),
  receivedAt: z.optional(z.custom<ReceivedAt>(isReceivedAt, 'the name of a header or a function')),
  outbound: z.optional(outboundSchema),
  maxConcurrent: z.optional(limit),
  maxAbandoned: z.optional(limit),
  retryAfterSeconds: z.optional(amount('seconds')),
  shutdown: z.optional(z.custom<AbortSignal>(isAbortSignal, 'an AbortSignal')),
  onOutcome: z.optional(callback),
  onShedding: z.optional(callback),
  onLateSettlement: z.optional(callback),
  reporter: z.optional(z.custom<Reporter>(hasMethods('start', 'flush'), 'a reporter()')),
  waitUntil: z.optional(callback),
  clock: z.optional(clock),
})

/** How long a request runs before its client is followed, where following has a cost. */
export const FIRST_TICK_MS = 10

const defaults = {
  // Named although they have none, for a policy must not look any further for what it was not told.
  timeoutResponse: undefined,
  failureResponse: undefined,
  rejectionResponse: undefined,
  inbound: undefined,
  receivedAt: undefined,
  shutdown: undefined,
  onOutcome: undefined,
  onShedding: undefined,
  onLateSettlement: undefined,
  reporter: undefined,
  waitUntil: undefined,
  timeoutMs: 30_000,
  timeoutStatus: 503,
  malformedInbound: 'ignore',
  exposeErrors: false,
  serverTiming: false,
  rethrow: false,
  buffer: false,
  maxBytes: 1024 * 1024,
  overflow: 'fail',
  streamIdleMs: Number.POSITIVE_INFINITY,
  streamTotalMs: Number.POSITIVE_INFINITY,
  watch: 'lazy',
  outbound: defaultOutbound,
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
    outbound: own.outbound && toOutbound(own.outbound),
  })
  const counters = newCounters()
  const policy = { ...defaults, ...given, given, counters }
  const { clock, timeoutMs } = policy
  const alone: Policy[] = []
  alone[0] = {
    ...policy,
    alone,
    isHeard: Boolean(own.onOutcome || own.reporter || own.timeoutResponse || own.waitUntil || own.buffer),
    firstTicks: isWorkerd ? undefined : new WaitingList(clock, FIRST_TICK_MS),
    deadlines: isWorkerd ? undefined : new WaitingList(clock, timeoutMs),
    readArrival: arrivalReader(policy, counters),
    shedding: own.onShedding && new SheddingWatch(policy, own.onShedding),
    running: own.shutdown && new Roster(),
  }
  return alone[0]
}

/** The outer guard's policy with what an inner one was explicitly told. Time and telling stay with their guards. */
export function adjust(outer: Policy, { given, isHeard }: Policy): Policy {
  const {
    clock,
    watch,
    shutdown,
    rethrow,
    onOutcome,
    onShedding,
    onLateSettlement,
    reporter,
    waitUntil,
    ...adjusted
  } = given
  return {
    ...outer,
    ...adjusted,
    given: { ...outer.given, ...adjusted },
    isHeard: isHeard || outer.isHeard,
  }
}

function withoutUndefined<T extends object>(object: T): { [Key in keyof T]: Exclude<T[Key], undefined> } {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as never
}

/** Not by its class, nor by what it calls itself: Vercel's edge says of its own that they are an EventTarget. */
function isAbortSignal(value: unknown): boolean {
  return listens(value) && typeof Reflect.get(value as object, 'aborted') === 'boolean'
}

const listens = hasMethods('addEventListener', 'removeEventListener')
