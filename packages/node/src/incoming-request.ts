import type { TLSSocket } from 'node:tls'
import { findScope } from '@curfew/core'
import type { Incoming } from './connection.ts'

/**
 * A request of Node's as a Web-standard one, for whoever is told of requests. Each part of it is made when it is asked
 * for. Its body is the handler's, who reads it from Node's own: here there is none.
 */
export class IncomingRequest {
  private readonly incoming: Incoming
  /** Node takes it off a request whose body is given up. */
  private readonly socket: Incoming['socket']
  private readonly target: string
  private knownUrl: string | undefined
  private knownHeaders: Headers | undefined
  private whole: Request | undefined

  constructor(incoming: Incoming) {
    this.incoming = incoming
    this.socket = incoming.socket
    // Routers shorten the other one on their way in.
    this.target = (incoming as { originalUrl?: string }).originalUrl ?? incoming.url ?? '/'
  }

  get method(): string {
    return this.incoming.method ?? 'GET'
  }

  get url(): string {
    this.knownUrl ??= urlOf(this.incoming, this.socket, this.target)
    return this.knownUrl
  }

  get headers(): Headers {
    this.knownHeaders ??= headersOf(this.incoming)
    return this.knownHeaders
  }

  /** That of its scope, once it is guarded. */
  get signal(): AbortSignal {
    return findScope(this as unknown as Request)?.signal ?? this.real.signal
  }

  /** @internal For all that hardly anybody asks for. */
  get real(): Request {
    const method = /^(?:connect|trace|track)$/i.test(this.method) ? 'GET' : this.method
    this.whole ??= new Request(this.url, { method, headers: this.headers })
    return this.whole
  }
}

// An `instanceof Request` that has all of its members.
for (const [name, property] of Object.entries(Object.getOwnPropertyDescriptors(Request.prototype))) {
  if (Object.hasOwn(IncomingRequest.prototype, name)) continue
  Object.defineProperty(
    IncomingRequest.prototype,
    name,
    property.get
      ? { configurable: true, get: memberGetter(name) }
      : {
          configurable: true,
          writable: true,
          value: typeof property.value === 'function' ? memberMethod(name) : property.value,
        },
  )
}
Object.setPrototypeOf(IncomingRequest.prototype, Request.prototype)

function memberGetter(name: string) {
  return function (this: IncomingRequest): unknown {
    return Reflect.get(this.real, name)
  }
}

function memberMethod(name: string) {
  return function (this: IncomingRequest, ...args: unknown[]): unknown {
    return (Reflect.get(this.real, name) as (...args: unknown[]) => unknown).apply(this.real, args)
  }
}

/** What a client says of where it is may be no address at all. */
function urlOf(incoming: Incoming, socket: Incoming['socket'], target: string): string {
  const scheme = (socket as TLSSocket).encrypted ? 'https' : 'http'
  const authority = 'authority' in incoming ? incoming.authority : undefined
  const host = authority || incoming.headers.host || 'localhost'
  const path = target.startsWith('/') ? target : `/${target}`
  return (
    parsed(/^https?:\/\//i.test(target) ? target : `${scheme}://${host}${path}`) ??
    parsed(`${scheme}://localhost${path}`) ??
    `${scheme}://localhost/`
  )
}

function parsed(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).href : undefined
}

function headersOf({ rawHeaders }: Incoming): Headers {
  const headers = new Headers()
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!
    if (name.startsWith(':')) continue
    try {
      headers.append(name, rawHeaders[i + 1]!)
    } catch {
      // Node lets through what `Headers` refuses.
    }
  }
  return headers
}
