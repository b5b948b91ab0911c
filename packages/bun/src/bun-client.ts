import { AsyncLocalStorage } from 'node:async_hooks'
import type { Outcome } from '@curfew/core'
import {
  attachedClient,
  type ClientWatcher,
  isBodyAwaited,
  type OpenRequests,
  ServedClient,
} from '@curfew/core/adapter'
import type { Where } from '@curfew/core/report'
import { type BunServer, bun, type Cookies } from './bun-server.ts'
import { followReads, isBeingRead } from './follow-reads.ts'
import { where } from './where.ts'

/** What the clients of a server have in common. */
export interface Served {
  /** Where its requests are kept while somebody follows them. */
  readonly open?: OpenRequests
  /** Bun's own idle timeout, in seconds; 0 for none. */
  readonly idleTimeout: number
  /** Whether a request may become a WebSocket. If none can, its headers need not be looked at, which has a cost. */
  readonly websockets: boolean
}

/**
 * A client of Bun's server. As long as a guard follows it, Bun's idle timeout is off: the guard has its own limits, and
 * to Bun a connection that it cut off itself is the same as a client that left. See docs/decisions/010.
 */
export class BunClient extends ServedClient {
  private readonly server: Pick<BunServer, 'timeout'> | undefined
  private readonly served: Served
  private isHeld = false
  private jar: Cookies | undefined

  /** @param server absent where a handler is called by hand, in a test, say */
  constructor(request: Request, server: Pick<BunServer, 'timeout'> | undefined, served: Served) {
    super(request, served.open)
    this.server = server
    this.served = served
    if (request.method !== 'GET' && request.method !== 'HEAD') followReads(request)
  }

  owesBody(): boolean {
    return isBeingRead(this.request) || isBodyAwaited(this.request)
  }

  override get upgrading(): boolean {
    return this.served.websockets && super.upgrading
  }

  get where(): Where {
    return where
  }

  snapshot(): (work: () => void) => void {
    return AsyncLocalStorage.snapshot()
  }

  /** Cookies of this request's own, which reach the client only if its handler does. */
  get cookies(): Cookies {
    this.jar ??= new (bun().CookieMap)(this.request.headers.get('cookie') ?? '')
    return this.jar
  }

  override watch(watcher: ClientWatcher): void {
    if (watcher !== this.done) this.hold()
    super.watch(watcher)
  }

  override release(watcher: ClientWatcher): void {
    super.release(watcher)
    this.letGo()
  }

  override sending(outcome: Outcome): void {
    super.sending(outcome)
    if (this.jar && outcome.kind === 'completed') this.sendCookies(this.jar)
  }

  private hold(): void {
    if (this.isHeld || this.served.idleTimeout === 0) return
    this.isHeld = true
    this.server?.timeout(this.request, 0)
  }

  /** What was set stays with the connection, also for its later requests and while there is none. */
  private letGo(): void {
    if (!this.isHeld) return
    this.isHeld = false
    this.server?.timeout(this.request, this.served.idleTimeout)
  }

  /** Bun itself adds what is in its own jar to whatever response it sends. */
  private sendCookies(jar: Cookies): void {
    const own: Cookies = Reflect.get(Object.getPrototypeOf(this.request), 'cookies', this.request)
    for (const header of jar.toSetCookieHeaders()) {
      const cookie = bun().Cookie.parse(header)
      // Written, a value is escaped; parsed, it stays so.
      cookie.value = decodeURIComponent(cookie.value)
      own.set(cookie)
    }
  }
}

const ownCookies: PropertyDescriptor & ThisType<object> = {
  configurable: true,
  get() {
    return (attachedClient(this) as BunClient).cookies
  },
}

/** Keeps the cookies of a route's request back until its response is sent: a 503 would have them, too. */
export function keepCookiesBack(request: Request): void {
  if ('cookies' in request && attachedClient(request) instanceof BunClient) {
    Object.defineProperty(request, 'cookies', ownCookies)
  }
}
