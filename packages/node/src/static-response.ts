import { validateHeaderName, validateHeaderValue } from 'node:http'

/** What node-server's `Response` was made of: its status, its body and its headers, as they were given. */
type Parts = readonly [status: unknown, body: unknown, headers: unknown]

/**
 * The text or bytes that a response was made of, `null` for no body; `undefined` when it is a stream, or cannot be told.
 * node-server's own `Response` remembers it under a symbol that is not exported; looking at `.body` instead would make
 * it build a stream, which halves the throughput. Where the symbol is not found every response counts as a stream:
 * slower, and as right.
 */
export function staticBody(response: Response): string | Uint8Array | null | undefined {
  const body = partsOf(response)?.[1]
  return body === null || typeof body === 'string' || body instanceof Uint8Array ? body : undefined
}

/** Whether node-server can write the response in one piece, without failing at its head, or lying in it. */
export function isStatic(response: Response): boolean {
  if (staticBody(response) === undefined) return false
  const [status, , headers] = partsOf(response)!
  return isFinal(status) && (headers === undefined || areValid(headers))
}

function isFinal(status: unknown): boolean {
  return Number.isInteger(status) && (status as number) >= 200 && (status as number) <= 599
}

/** Node refuses some that `Headers` takes, plain objects have not been checked at all, and lengths may be wrong. */
function areValid(headers: unknown): boolean {
  if (typeof headers !== 'object' || headers === null || Array.isArray(headers)) return false
  try {
    for (const [name, value] of headers instanceof Headers ? headers : Object.entries(headers)) {
      validateHeaderName(name)
      validateHeaderValue(name, value)
      if (/^(content-length|transfer-encoding)$/i.test(name)) return false
    }
    return true
  } catch {
    return false
  }
}

function partsOf(response: Response): Parts | undefined {
  const key = partsKey()
  const parts: unknown = key && Reflect.get(response, key)
  return Array.isArray(parts) ? (parts as unknown as Parts) : undefined
}

let found: { readonly replaced: unknown; readonly key: symbol | undefined } | undefined

/** node-server replaces the global when its first listener is made, so the symbol is looked for once for each. */
function partsKey(): symbol | undefined {
  if (found?.replaced !== Response) {
    const key = Object.getOwnPropertySymbols(new Response('')).find(
      ({ description }) => description === 'cache',
    )
    found = { replaced: Response, key }
  }
  return found?.key
}
