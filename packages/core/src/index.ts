export type { Budget } from './budget.ts'
export { type Clock, LONGEST_TIMER_MS, systemClock } from './clock.ts'
export type { Deadline } from './deadline.ts'
export type { DeadlineHeader } from './deadline-header.ts'
export {
  type AbortReason,
  ClientClosedError,
  type CurfewErrorCode,
  EscapedError,
  HandlerTimeoutError,
  InvalidOptionError,
  NoResponseError,
  NoTimeLeftError,
  NotGuardedError,
  ResponseSentError,
  ResponseTooLargeError,
  ShutdownError,
  StepTimeoutError,
  StreamTimeoutError,
  UnansweredError,
} from './errors.ts'
export { type Guarded, guard, type Handler } from './guard.ts'
export type { Inbound } from './inbound.ts'
export type { GuardOptions } from './options.ts'
export type { Fetch, OutboundOptions } from './outbound.ts'
export type {
  ClientClosed,
  Completed,
  Failed,
  LateSettlement,
  Outcome,
  OutcomeKind,
  Rejected,
  TimedOut,
} from './outcome.ts'
export type { HandlerResult } from './race.ts'
export type { ReceivedAt } from './received-at.ts'
export type { Ending, Recording, Reporter, TimeLeft } from './recording.ts'
export type { ChildDeadline, DeadlineHeadersOptions, Remaining, StepLimits } from './remaining.ts'
export type { ResponseBuffer } from './response-buffer.ts'
export { type ProblemCode, problem, type Reply, type ReplyBody } from './responses.ts'
export { findScope, type Scope, scopeOf } from './scope.ts'
export type { Shedding } from './shedding.ts'
export type { Stats } from './stats.ts'
export { streaming } from './streaming.ts'
