export {
  type AbortReason,
  ClientClosedError,
  type GuardOptions,
  HandlerTimeoutError,
  InvalidOptionError,
  type LateSettlement,
  type Outcome,
  ShutdownError,
  StreamTimeoutError,
} from '@curfew/core'
export { createListener, type ListenerOptions } from './create-listener.ts'
export type { WritingGuardOptions } from './exchange-guard.ts'
export type { Bindings, FetchHandler, Listener } from './fetch-callback.ts'
export { type GuardedListener, guardListener, type ListenerHandler } from './guard-listener.ts'
export { scopeOf } from './scope-of.ts'
export { type CurfewServer, type ServeOptions, serve, type WebSocketServerLike } from './serve.ts'
