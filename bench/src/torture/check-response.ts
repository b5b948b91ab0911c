import { createHash } from 'node:crypto'
import type { Allowed, Traits } from './expected.ts'
import { streamText, textOf, uploadText } from './handlers.ts'
import type { Exchange } from './plan.ts'
import type { Wrong, WrongKind } from './trip.ts'

/** A response that has come whole, over whatever protocol. */
export interface WholeResponse {
  readonly status: number
  readonly headers: ReadonlyMap<string, string>
  readonly body: Buffer
}

const codes: Readonly<Record<number, string>> = {
  408: 'REQUEST_TIMEOUT',
  503: 'HANDLER_TIMEOUT',
  504: 'DEADLINE_EXPIRED',
}

/** What is wrong with a response that is whole, if anything. */
export function checkResponse(
  exchange: Exchange,
  id: string,
  { status, headers, body }: WholeResponse,
  may: Allowed,
  { outside, problems }: Traits,
): Wrong | undefined {
  if (!may.statuses.has(status))
    return wrong('not the answer that it has to be', `${status}: ${excerpt(body)}`)
  const isProblem = headers.get('content-type')?.startsWith('application/problem+json')
  // The server's own, which no guard hears of.
  const isServers = status === 400 || (status > 404 && status < 500) || status === 501 || status === 505
  if (isServers && !isProblem) return undefined
  const echoed = headers.get('x-id')
  if (echoed !== undefined && echoed !== id) return wrong('of another request', `${status} of ${echoed}`)
  if (outside.includes(status) && echoed === undefined)
    return wrong('without what was set outside', `${status}`)
  if (exchange.method === 'HEAD' || exchange.manner.kind === 'garbage' || status === 204) return undefined
  if (status === 200) {
    const expected = bodyFor(exchange, id)
    return body.equals(expected) ? undefined : wrong('the body of another answer', excerpt(body))
  }
  const code = codes[status]
  if (code === undefined || !problems) return undefined
  const isIt = isProblem && JSON.parse(body.toString()).code === code
  return isIt ? undefined : wrong('the body of another answer', `${status}: ${excerpt(body)}`)
}

export function wrong(kind: WrongKind, says: string): Wrong {
  return { kind, says }
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
