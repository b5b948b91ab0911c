/**
 * Whether a response is text or bytes that node-server will write by itself, at once and in one piece. node-server's
 * own `Response` remembers what it was made of, under a symbol that it does not export; looking at `.body` instead
 * would make it build a stream, which halves the throughput. Where the symbol is not found every response counts as a
 * stream: slower, and as right.
 */
export function isStatic(response: Response): boolean {
  const key = cacheKey()
  const cached = key && Reflect.get(response, key)
  if (!Array.isArray(cached)) return false
  const body = cached[1]
  return body === null || typeof body === 'string' || body instanceof Uint8Array
}

let found: { readonly replaced: unknown; readonly key: symbol | undefined } | undefined

/** node-server replaces the global when its first listener is made, so the symbol is looked for once for each. */
function cacheKey(): symbol | undefined {
  if (found?.replaced !== Response) {
    const key = Object.getOwnPropertySymbols(new Response('')).find(
      ({ description }) => description === 'cache',
    )
    found = { replaced: Response, key }
  }
  return found?.key
}
