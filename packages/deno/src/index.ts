export {
  type AbortReason,
  ClientClosedError,
  type Guarded,
  type GuardOptions,
  HandlerTimeoutError,
  InvalidOptionError,
  type LateSettlement,
  type Outcome,
  type Shedding,
  ShutdownError,
  StreamTimeoutError,
  scopeOf,
  streaming,
} from '@curfew/core'
export type { Closed, CloseOptions, HealthOptions, SignalOptions, StopSignal } from '@curfew/core/adapter'
export type { ErrorHandler } from './answering.ts'
export { guard } from './guard.ts'
export type { DenoServer, NetAddress, ServeInfo, UnixAddress } from './runtime.ts'
export { type CurfewServer, type FetchHandler, type ServeOptions, serve } from './serve.ts'
