const headers = new Headers()

/**
 * As much of a request as a server makes before anybody looks at it: node-server's is such an object, too. A native
 * `Request` costs more than all that is measured here.
 */
export class LightRequest {
  readonly method = 'GET'
  readonly url = 'http://localhost/'

  get headers(): Headers {
    return headers
  }

  get signal(): AbortSignal | undefined {
    return undefined
  }
}

/** One whose client can leave. As with node-server, there is a signal once somebody asks for it. */
export class LeavableRequest extends LightRequest {
  private controller: AbortController | undefined

  override get signal(): AbortSignal {
    this.controller ??= new AbortController()
    return this.controller.signal
  }

  leave(): void {
    this.controller?.abort(new Error('Client connection prematurely closed.'))
  }
}

export function lightRequest(): Request {
  return new LightRequest() as unknown as Request
}

export function leavableRequest(): Request & { leave(): void } {
  return new LeavableRequest() as unknown as Request & { leave(): void }
}
