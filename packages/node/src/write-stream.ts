import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { ClientClosedError } from '@curfew/core'
import type { Connection } from './connection.ts'

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
    outgoing.writeHead(response.status, outgoingHeaders(response.headers))
    if ('flushHeaders' in outgoing) outgoing.flushHeaders()
    for (;;) {
      const { done, value } = await reader.read()
      if (connection.closed) return
      if (done) break
      if (!outgoing.write(value)) await drained(outgoing)
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

function outgoingHeaders(headers: Headers): OutgoingHttpHeaders {
  const outgoing: OutgoingHttpHeaders = Object.fromEntries(headers)
  const cookies = headers.getSetCookie()
  if (cookies.length > 0) outgoing['set-cookie'] = cookies
  return outgoing
}
