import { createHash } from 'node:crypto'
import type { Allowed, Traits } from './expected.ts'
import { streamText, textOf, uploadText } from './handlers.ts'
import type { Exchange } from './plan.ts'

/** A response that has come whole, over whatever protocol. */
export interface WholeResponse {
  readonly status: number
  readonly headers: ReadonlyMap<string, string>
  readonly body: Buffer
}

const codes: Readonly<Record<number, string>> = { 503: 'HANDLER_TIMEOUT', 504: 'DEADLINE_EXPIRED' }

/** What is wrong with a response that is whole, if anything. */
export function checkResponse(
  exchange: Exchange,
  id: string,
  { status, headers, body }: WholeResponse,
  may: Allowed,
  { outside }: Traits,
): string | undefined {
  if (!may.statuses.has(status)) return `${status}: ${excerpt(body)}`
  const isServers = status === 400 || (status > 404 && status < 500) || status === 501 || status === 505
  if (isServers) return undefined
  const echoed = headers.get('x-id')
  if (echoed !== undefined && echoed !== id) return `${status} of another request: ${echoed}`
  if (outside.includes(status) && echoed === undefined)
    return `${status} without what was set outside of the guard`
  if (exchange.method === 'HEAD' || exchange.manner.kind === 'garbage' || status === 204) return undefined
  if (status === 200) {
    const expected = bodyFor(exchange, id)
    return body.equals(expected) ? undefined : `not its body: ${excerpt(body)}`
  }
  const code = codes[status]
  const isProblem = headers.get('content-type')?.startsWith('application/problem+json')
  if (code === undefined) return undefined
  if (!isProblem) return `${status}, but no problem: ${excerpt(body)}`
  return JSON.parse(body.toString()).code === code ? undefined : `${status}: ${excerpt(body)}`
}

/** What the handler answers where it answers in time. */
function bodyFor({ handler, amount, body }: Exchange, id: string): Buffer {
  switch (handler) {
    case 'stream':
    case 'stream-at-once':
      return Buffer.from(streamText(id, amount))
    case 'upload': {
      const bytes = uploadBody(id, body?.bytes ?? 0)
      return Buffer.from(uploadText(id, bytes.length, createHash('sha1').update(bytes).digest('hex')))
    }
    default:
      return Buffer.from(textOf(handler, id, amount))
  }
}

/** The body that a client sends. */
export function uploadBody(id: string, bytes: number): Buffer {
  return Buffer.alloc(bytes, `${id};`)
}

function excerpt(body: Buffer): string {
  return JSON.stringify(body.toString('latin1', 0, 120))
}
