/**
 * The text or bytes that a response was made of, `null` for no body; `undefined` when it is a stream, or cannot be told.
 * node-server's own `Response` remembers it under a symbol that is not exported; looking at `.body` instead would make
 * it build a stream, which halves the throughput. Where the symbol is not found every response counts as a stream:
 * slower, and as right.
 */
export function staticBody(response: Response): string | Uint8Array | null | undefined {
  const key = cacheKey()
  const cached: unknown = key && Reflect.get(response, key)
  if (!Array.isArray(cached)) return undefined
  const body: unknown = cached[1]
  return body === null || typeof body === 'string' || body instanceof Uint8Array ? body : undefined
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
