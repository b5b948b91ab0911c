export { createListener, type ListenerOptions } from './create-listener.ts'
export type { Bindings, FetchHandler, Listener } from './fetch-callback.ts'
export { type CurfewServer, type ServeOptions, serve, type WebSocketServerLike } from './serve.ts'
