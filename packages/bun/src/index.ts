export {
  type AbortReason,
  ClientClosedError,
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
export type {
  BunRequest,
  BunServer,
  BunWebSocket,
  Cookies,
  RouteParams,
  WebSocketHandler,
} from './bun-server.ts'
export { type BunGuardOptions, type Guarded, guard } from './guard.ts'
export type { Result, Route, RouteHandler } from './routes.ts'
export { type CurfewServer, type ServeOptions, serve } from './serve.ts'
