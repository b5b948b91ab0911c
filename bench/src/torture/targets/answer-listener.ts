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
  if (atOnce) outgoing.flushHeaders()
  for await (const piece of body) {
    // Who has been answered by the guard, or has left, takes nothing more.
    if (isClosed(outgoing)) return
    if (!outgoing.write(piece)) await drained(outgoing)
  }
  outgoing.end()
}

function isClosed(outgoing: ServerResponse): boolean {
  return outgoing.destroyed || outgoing.closed || outgoing.writableEnded
}

function drained(outgoing: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      outgoing.off('drain', done)
      outgoing.off('close', done)
      resolve()
    }
    outgoing.on('drain', done)
    outgoing.on('close', done)
    if (isClosed(outgoing)) done()
  })
}
