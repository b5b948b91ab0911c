// What outcomes, signals and hooks bring of the core: whoever imports an entry of this package needs no other one for it.
export {
  type AbortReason,
  ClientClosedError,
  EscapedError,
  HandlerTimeoutError,
  InvalidOptionError,
  type LateSettlement,
  NotGuardedError,
  type Outcome,
  ResponseTooLargeError,
  type Scope,
  type Shedding,
  ShutdownError,
  type Stats,
  StreamTimeoutError,
  UnansweredError,
} from '@curfew/core'
