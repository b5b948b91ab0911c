export {
  type AbortReason,
  ClientClosedError,
  EscapedError,
  type GuardOptions,
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
  streaming,
} from '@curfew/core'
export { type CurfewMiddleware, curfew } from './curfew.ts'
export { deadline, type Limit } from './deadline.ts'
export { scopeOf } from './scope-of.ts'
