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

  get signal(): undefined {
    return undefined
  }
}

export function lightRequest(): Request {
  return new LightRequest() as unknown as Request
}
