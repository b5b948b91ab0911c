import { ClientClosedError, findScope, type Outcome, ShutdownError } from '@curfew/core'
import {
  breakBody,
  type ClientWatcher,
  isBodyAwaited,
  type OpenRequests,
  ServedClient,
  watchUpload,
} from '@curfew/core/adapter'
import type { Where } from '@curfew/core/report'
import { recorded } from './error-handler.ts'
import type { ServeInfo } from './runtime.ts'
import { isStatic } from './static-response.ts'
import { where } from './where.ts'

/**
 * The client as Deno shows it. Deno aborts a request's signal also when it has been answered, and when it has become a
 * WebSocket, so the signal is only believed while Deno is not done with the request. After that it is the body that
 * tells: a stream is cancelled when its reader leaves.
 */
export class DenoClient extends ServedClient {
  // Whoever asks for a WebSocket is guarded like anybody else until there is one: see `answering()`.
  override get upgrading(): boolean {
    return false
  }

  private readonly info: ServeInfo<unknown> | undefined

  constructor(request: Request, info?: ServeInfo<unknown>, open?: OpenRequests) {
    super(request, open)
    this.info = info
    if (mayHaveBody(request)) watchUpload(request, (error) => this.uploadBroke(error))
  }

  get where(): Where {
    return where()
  }

  /** Whether Deno is done with the request: it has been answered, or has become a WebSocket. */
  get isTaken(): boolean {
    // Of a GET this tells the same, for less: what is open has no body that could have been used.
    if (this.request.method === 'GET' && !this.request.bodyUsed) return false
    try {
      void this.info?.remoteAddr
      return false
    } catch {
      return true
    }
  }

  override get closed(): boolean {
    return super.closed && (this.gone || !this.isTaken)
  }

  override watch(watcher: ClientWatcher): void {
    if (watcher !== this.done) super.watch(watcher)
  }

  override release(watcher: ClientWatcher): void {
    super.release(watcher)
    super.unwatch(watcher)
    const outcome = findScope(this.request)?.outcome
    if (outcome?.kind === 'failed') recorded.add(Object(outcome.error))
  }

  owesBody(): boolean {
    return isBodyAwaited(this.request)
  }

  /** Deno lets who still reads the body wait until the client has left, and does not cut that one off. */
  override sending(outcome: Outcome): void {
    super.sending(outcome)
    if (outcome.kind !== 'completed') breakBody(this.request, new ClientClosedError())
  }

  isStatic(response: Response): boolean {
    return isStatic(response)
  }

  /** Deno forgets a body that was made of text or bytes only when it is read; looking at it leaves it as it is. */
  isStream({ body }: Response): boolean {
    return body !== null && !body.locked && new Response(body).body === body
  }

  /** A server that has begun to shut down can no longer cut connections off. */
  override cutOff(): void {
    this.follower?.breakOff(new ShutdownError())
  }

  /** Deno aborts a moment before it is done. */
  protected override aborted(): void {
    queueMicrotask(() => {
      if (!this.isTaken) super.aborted()
    })
  }

  /** What the reader of the body gets is an abort, for it has done nothing wrong. */
  private uploadBroke(error: unknown): never {
    const scope = findScope(this.request)
    if (scope?.reason) throw scope.reason
    // Deno takes the body away from those who still read it once they have answered.
    if (this.isTaken) throw error
    this.lost()
    throw scope?.reason ?? (error instanceof ClientClosedError ? error : new ClientClosedError())
  }
}

/** The headers are not touched where they need not be: that costs more than all the rest. */
function mayHaveBody(request: Request): boolean {
  const { method } = request
  return method !== 'GET' && method !== 'HEAD' && request.headers.get('content-length') !== '0'
}
