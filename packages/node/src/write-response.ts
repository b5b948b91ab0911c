import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { ClientClosedError } from '@curfew/core'
import type { Connection } from './connection.ts'
import { staticBody } from './static-response.ts'

/**
 * How much is written at a time over HTTP/2. Node counts what a reset stream has left unsent against its session for
 * good, and refuses every later stream of the session when that is too much.
 */
const PIECE_BYTES = 64 * 1024

/**
 * Writes a response at the client's pace, until it ends, breaks, or its reader has gone; the source of its body is
 * cancelled then. Never rejects: whoever watches the connection is told.
 */
export async function writeResponse(response: Response, connection: Connection): Promise<void> {
  const outgoing = connection.outgoing as ServerResponse
  const fixed = staticBody(response)
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined
  const cancel = (): void => void reader?.cancel(new ClientClosedError()).catch(() => {})
  // What is written after the client has gone ends up here, and without a listener would end the process.
  outgoing.on('error', cancel)
  outgoing.once('close', cancel)
  try {
    if (response.bodyUsed) throw new TypeError('Response body was used already: nothing is left to send')
    if (response.headers.has('x-hono-already-sent')) return
    const headers = outgoingHeaders(response.headers, connection.multiplexed)
    const whole = fixed === undefined || fixed === null ? undefined : Buffer.from(fixed)
    if (whole) headers['content-length'] ??= whole.byteLength
    else reader = response.body?.getReader()
    // A body that is not as long as its head says would be read as part of the next response, or the other way round.
    outgoing.strictContentLength = !connection.headOnly
    outgoing.writeHead(response.status, headers)
    if (connection.headOnly) cancel()
    else if (whole) await write(whole, connection)
    else if (reader) await writeStream(reader, connection)
    if (connection.closed) return cancel()
    outgoing.end()
    await connection.flushed()
  } catch (error) {
    cancel()
    connection.breakOff(error)
  } finally {
    outgoing.off('close', cancel)
  }
}

async function writeStream(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  connection: Connection,
): Promise<void> {
  const outgoing = connection.outgoing as ServerResponse
  if ('flushHeaders' in outgoing) outgoing.flushHeaders()
  for (;;) {
    const { done, value } = await reader.read()
    if (done || connection.closed) return
    if (!(value instanceof Uint8Array)) throw new TypeError(`Body chunk is no Uint8Array: ${typeof value}`)
    await write(value, connection)
  }
}

async function write(bytes: Uint8Array, connection: Connection): Promise<void> {
  const outgoing = connection.outgoing as ServerResponse
  const size = connection.multiplexed ? PIECE_BYTES : bytes.byteLength
  for (let offset = 0; offset < bytes.byteLength && !connection.closed; offset += size) {
    if (!outgoing.write(bytes.subarray(offset, offset + size))) await drained(outgoing)
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

/** What speaks of one HTTP/1.1 connection has no place in HTTP/2, and Node would not send the head with it. */
const connectionSpecific = ['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade']

function outgoingHeaders(headers: Headers, multiplexed: boolean): OutgoingHttpHeaders {
  const outgoing: OutgoingHttpHeaders = Object.fromEntries(headers)
  const cookies = headers.getSetCookie()
  if (cookies.length > 0) outgoing['set-cookie'] = cookies
  if (multiplexed) for (const name of connectionSpecific) delete outgoing[name]
  return outgoing
}
