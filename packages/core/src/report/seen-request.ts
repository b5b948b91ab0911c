/** What a report says of a request. */
export type SeenRequest = Pick<Request, 'method' | 'url' | 'headers'>

/**
 * A copy: Deno takes all of it away from the request once that has been answered. Of one that has been already, there is
 * nothing left to see.
 */
export function seenOf(request: Request): SeenRequest {
  try {
    const { method, url, headers } = request
    return { method, url, headers: new Headers(headers) }
  } catch {
    return { method: '', url: '', headers: new Headers() }
  }
}
