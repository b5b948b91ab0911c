import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { ClientClosedError } from '@curfew/core'
import { isOwnReply } from '@curfew/core/adapter'
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
    if (response.headers.has('x-hono-already-sent') && response.body === null) return
    const headers = outgoingHeaders(response.headers, connection.multiplexed)
    const whole = await wholeOf(response, fixed)
    if (whole && !connection.headOnly) headers['content-length'] = String(whole.byteLength)
    if (!whole) reader = response.body?.getReader()
    const length = lengthOf(headers)
    outgoing.writeHead(response.status, headers)
    if (connection.headOnly) cancel()
    else if (whole) await write(whole, connection)
    else if (reader) await writeStream(reader, length, connection)
    if (connection.ended) return cancel()
    outgoing.end()
    await connection.flushed()
  } catch (error) {
    cancel()
    connection.breakOff(error)
  } finally {
    outgoing.off('close', cancel)
  }
}

/** The body of a response that is known not to be a stream; a guard's own replies are none, whatever made them. */
async function wholeOf(
  response: Response,
  fixed: ReturnType<typeof staticBody>,
): Promise<Buffer | undefined> {
  if (typeof fixed === 'string' || fixed instanceof Uint8Array) return Buffer.from(fixed)
  if (fixed === null || !isOwnReply(response) || response.body === null) return undefined
  return Buffer.from(await response.arrayBuffer())
}

/** Writes exactly `length` bytes: others would be read as part of the next response, or that as part of this one. */
async function writeStream(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  length: number | undefined,
  connection: Connection,
): Promise<void> {
  const outgoing = connection.outgoing as ServerResponse
  let size = 0
  // One listener for the whole stream, which may have to wait for its client many times.
  const broken: Broken = { tell: () => {} }
  reader.closed.catch(() => broken.tell())
  if ('flushHeaders' in outgoing) outgoing.flushHeaders()
  for (;;) {
    const { done, value } = await reader.read()
    if (connection.ended) return
    if (done && size !== (length ?? size))
      throw new RangeError(`Body is shorter than its content-length: ${size}`)
    if (done) return
    if (!(value instanceof Uint8Array)) throw new TypeError(`Body chunk is no Uint8Array: ${typeof value}`)
    size += value.byteLength
    if (size > (length ?? size)) throw new RangeError(`Body is longer than its content-length: ${length}`)
    await write(value, connection, broken)
  }
}

/** Who is to be told when a stream breaks. */
interface Broken {
  tell(): void
}

async function write(bytes: Uint8Array, connection: Connection, broken?: Broken): Promise<void> {
  const outgoing = connection.outgoing as ServerResponse
  const size = connection.multiplexed ? PIECE_BYTES : bytes.byteLength
  for (let offset = 0; offset < bytes.byteLength && !connection.ended; offset += size) {
    if (!outgoing.write(bytes.subarray(offset, offset + size))) await drained(outgoing, broken)
  }
}

/** Until the client takes more, has gone, or there is nothing to wait for: its stream may break meanwhile. */
function drained(outgoing: ServerResponse, broken: Broken | undefined): Promise<void> {
  return new Promise((resolve) => {
    function go(): void {
      outgoing.off('drain', go)
      outgoing.off('close', go)
      resolve()
    }
    outgoing.on('drain', go)
    outgoing.on('close', go)
    if (broken) broken.tell = go
  })
}

function lengthOf(headers: OutgoingHttpHeaders): number | undefined {
  const length = headers['content-length']
  if (length === undefined) return undefined
  if (!/^\d+$/.test(String(length))) throw new TypeError(`Invalid content-length: ${length}`)
  // Both together are how requests are smuggled.
  delete headers['transfer-encoding']
  return Number(length)
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
