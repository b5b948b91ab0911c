import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import type { Answer } from '../handlers.ts'
import { idOf, type Kit } from '../kit.ts'

type Incoming = IncomingMessage | Http2ServerRequest
type Outgoing = ServerResponse | Http2ServerResponse

/** Answers a request by writing into Node's own response; gives a promise where there is something to wait for. */
export function answerListener(
  kit: Kit,
  incoming: Incoming,
  outgoing: Outgoing,
  signal: () => AbortSignal,
): void | Promise<void> {
  const asked = {
    get signal() {
      return signal()
    },
    body: () => incoming as AsyncIterable<Uint8Array>,
  }
  const answer = kit.answer(asked, incoming.url!)
  return answer instanceof Promise
    ? answer.then((settled) => write(outgoing as ServerResponse, settled, idOf(incoming.url!)))
    : write(outgoing as ServerResponse, answer, idOf(incoming.url!))
}

export function write(
  outgoing: ServerResponse,
  { status, body, atOnce }: Answer,
  id: string,
): void | Promise<void> {
  outgoing.statusCode = status
  outgoing.setHeader('x-id', id)
  outgoing.setHeader('content-type', 'text/plain')
  if (typeof body !== 'string') return writePieces(outgoing, body, atOnce ?? false)
  outgoing.end(body)
}

async function writePieces(
  outgoing: ServerResponse,
  body: AsyncIterable<string>,
  atOnce: boolean,
): Promise<void> {
  // Listened for from the start: over HTTP/2 nothing else tells that a response has been closed.
  let isClosed = outgoing.destroyed
  const closed = once(outgoing, 'close').then(() => {
    isClosed = true
  })
  if (atOnce) outgoing.flushHeaders()
  for await (const piece of body) {
    // Who has been answered by the guard, or has left, takes nothing more.
    if (isClosed) return
    if (!outgoing.write(piece)) await Promise.race([drained(outgoing), closed])
  }
  outgoing.end()
}

async function drained(outgoing: ServerResponse): Promise<void> {
  await once(outgoing, 'drain')
}
