/** Where a server listens over TCP, or who has connected to it. */
export interface NetAddress {
  readonly transport: 'tcp' | 'udp'
  readonly hostname: string
  readonly port: number
}

/** The same over a Unix socket. */
export interface UnixAddress {
  readonly transport: 'unix' | 'unixpacket'
  readonly path: string
}

/** What Deno hands to a handler beside the request, as far as there is anything to know here. */
export interface ServeInfo<Address = NetAddress> {
  readonly remoteAddr: Address
  readonly completed: Promise<void>
}

/** As much of Deno's own server as there is to know. */
export interface DenoServer<Address = NetAddress> {
  readonly addr: Address
  readonly finished: Promise<void>
  shutdown(): Promise<void>
  ref(): void
  unref(): void
}

/** As much of the `Deno` namespace as is used here. */
export interface DenoRuntime {
  serve(options: object, handler: (request: Request, info: never) => unknown): DenoServer<unknown>
  hostname(): string
  readonly env: { get(name: string): string | undefined }
  readonly permissions: {
    querySync(permission: { name: 'env'; variable: string } | { name: 'sys'; kind: 'hostname' }): {
      readonly state: string
    }
  }
}

/** The `Deno` of the process; there is none on other runtimes. */
export function denoRuntime(): DenoRuntime | undefined {
  return (globalThis as { Deno?: DenoRuntime }).Deno
}
