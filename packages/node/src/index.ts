export type { GuardOptions } from '@curfew/core'
export type {
  Closed,
  CloseOptions,
  Containment,
  ContainmentStats,
  ContainOptions,
  HealthOptions,
  SignalOptions,
  StopSignal,
  UncaughtOrigin,
} from '@curfew/core/adapter'
export { contain } from './contain.ts'
export { createListener, type ListenerOptions } from './create-listener.ts'
export type { WritingGuardOptions } from './exchange-guard.ts'
export type { Bindings, FetchHandler, Listener } from './fetch-callback.ts'
export * from './from-core.ts'
export {
  type GuardedListener,
  guardListener,
  type ListenerApp,
  type ListenerHandler,
} from './guard-listener.ts'
export { scopeOf } from './scope-of.ts'
export {
  type CurfewServer,
  type ServeAppOptions,
  type ServeListenerOptions,
  type ServeOptions,
  serve,
  type WebSocketServerLike,
} from './serve.ts'
