import { SignalClient } from './client.ts'
import type { Where } from './report/report.ts'
import { isBodyAwaited } from './tap-body.ts'
import { watchUpload } from './watch-upload.ts'

/** What edges pass for work that outlives a response: `ctx`, `context`, a `FetchEvent`. */
export interface ExecutionContext {
  waitUntil(work: Promise<unknown>): void
}

/** The client of a request on an edge, where nothing goes on after a response unless the runtime is asked to wait. */
export class EdgeClient extends SignalClient {
  readonly followsStreams: boolean = true
  private readonly context: ExecutionContext | undefined

  constructor(request: Request, context: ExecutionContext | undefined) {
    super(request)
    this.context = context
    watchUpload(request, () => this.lost())
  }

  owesBody(): boolean {
    return isBodyAwaited(this.request)
  }

  waitUntil(work: Promise<unknown>): void {
    this.context?.waitUntil(work)
  }

  /** Where Cloudflare says that it handles the request: the three letters of an airport. */
  get where(): Where {
    const { cf } = this.request as { cf?: { colo?: unknown } }
    return typeof cf?.colo === 'string' ? { region: cf.colo } : {}
  }
}
