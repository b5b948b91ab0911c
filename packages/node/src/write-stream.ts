import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { ClientClosedError } from '@curfew/core'
import { type Connection, PIECE_BYTES } from './connection.ts'

/**
 * Writes a response whose body is a stream, at the client's pace, until it ends, breaks, or its reader has gone; the
 * source is cancelled then. Never rejects: whoever watches the connection is told.
 */
export async function writeStream(response: Response, connection: Connection): Promise<void> {
  const outgoing = connection.outgoing as ServerResponse
  const reader = response.body!.getReader()
  const cancel = (): void => void reader.cancel(new ClientClosedError()).catch(() => {})
  outgoing.once('close', cancel)
  // What is written after the client has gone ends up here, and without a listener would end the process.
  outgoing.on('error', cancel)
  try {
    outgoing.writeHead(response.status, outgoingHeaders(response.headers, connection.multiplexed))
    if ('flushHeaders' in outgoing) outgoing.flushHeaders()
    for (;;) {
      const { done, value } = await reader.read()
      if (connection.closed) return
      if (done) break
      for (const piece of connection.multiplexed ? pieces(value) : [value]) {
        if (!outgoing.write(piece)) await drained(outgoing)
        if (connection.closed) return
      }
    }
    outgoing.end()
  } catch (error) {
    cancel()
    connection.breakOff(error)
  } finally {
    outgoing.off('close', cancel)
  }
}

function drained(outgoing: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    function go(): void {
      outgoing.off('drain', go)
      outgoing.off('close', go)
      resolve()
    }
    outgoing.on('drain', go)
    outgoing.on('close', go)
  })
}

function* pieces(chunk: Uint8Array): Generator<Uint8Array> {
  for (let offset = 0; offset < chunk.byteLength; offset += PIECE_BYTES) {
    yield chunk.subarray(offset, offset + PIECE_BYTES)
  }
}

/** What speaks of one HTTP/1.1 connection has no place in HTTP/2, and Node would not send the head with it. */
const connectionSpecific = ['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade']

function outgoingHeaders(headers: Headers, multiplexed: boolean): OutgoingHttpHeaders {
  const outgoing: OutgoingHttpHeaders = Object.fromEntries(headers)
  const cookies = headers.getSetCookie()
  if (cookies.length > 0) outgoing['set-cookie'] = cookies
  if (multiplexed) for (const name of connectionSpecific) delete outgoing[name]
  return outgoing
}
