/** As much of Bun's own `Server` as handlers use: the real one fits. */
export interface BunServer {
  readonly url: URL
  /** `undefined` on a unix socket. */
  readonly port: number | undefined
  readonly hostname: string | undefined
  readonly development: boolean
  readonly pendingRequests: number
  readonly pendingWebSockets: number
  stop(closeActiveConnections?: boolean): Promise<void>
  timeout(request: Request, seconds: number): void
  upgrade(request: Request, options?: { headers?: object; data?: unknown }): boolean
  requestIP(request: Request): { address: string; port: number; family: string } | null
  publish(topic: string, data: string | Uint8Array | ArrayBuffer, compress?: boolean): number
  subscriberCount(topic: string): number
  ref(): void
  unref(): void
}

/** The request of a route: with its parameters and cookies. */
export interface BunRequest<Path extends string = string> extends Request {
  readonly params: { [Name in keyof RouteParams<Path>]: RouteParams<Path>[Name] }
  readonly cookies: Cookies
}

/** The parameters in a path: `{ id: string }` for `/users/:id`. */
export type RouteParams<Path extends string> = string extends Path
  ? Record<string, string>
  : Path extends `${string}:${infer Name}/${infer Rest}`
    ? { [Key in Name]: string } & RouteParams<Rest>
    : Path extends `${string}:${infer Name}`
      ? { [Key in Name]: string }
      : // biome-ignore lint/complexity/noBannedTypes: nothing to intersect with
        {}

/** As much of Bun's own `CookieMap` as handlers use. */
export interface Cookies extends Iterable<[string, string]> {
  readonly size: number
  get(name: string): string | null
  has(name: string): boolean
  set(name: string, value: string, options?: object): void
  set(cookie: { name: string; value: string }): void
  delete(name: string, options?: object): void
  toSetCookieHeaders(): string[]
}

/** As much of a connected WebSocket as its handlers use. Annotate with Bun's own type for more. */
export interface BunWebSocket {
  data: unknown
  readonly readyState: number
  readonly remoteAddress: string
  send(data: string | Uint8Array | ArrayBuffer, compress?: boolean): number
  publish(topic: string, data: string | Uint8Array | ArrayBuffer, compress?: boolean): number
  subscribe(topic: string): unknown
  unsubscribe(topic: string): unknown
  close(code?: number, reason?: string): void
}

/** What `Bun.serve()` takes as `websocket`, with whatever other options it has. */
export interface WebSocketHandler {
  data?: unknown
  open?(socket: BunWebSocket): unknown
  message?(socket: BunWebSocket, message: string | Uint8Array): unknown
  close?(socket: BunWebSocket, code: number, reason: string): unknown
  drain?(socket: BunWebSocket): unknown
  maxPayloadLength?: number
  backpressureLimit?: number
  closeOnBackpressureLimit?: boolean
  idleTimeout?: number
  publishToSelf?: boolean
  sendPings?: boolean
  perMessageDeflate?: unknown
}

/** What this package needs of the global `Bun`. */
interface Bun {
  serve(options: object): BunServer
  readonly CookieMap: new (header: string) => Cookies
  readonly Cookie: { parse(header: string): { name: string; value: string } }
}

/** The global `Bun`, looked up when it is needed: guards can be made, and tested, elsewhere. */
export function bun(): Bun {
  const { Bun } = globalThis as { Bun?: Bun }
  if (!Bun) throw new TypeError('Not running on Bun: the global Bun is missing')
  return Bun
}
