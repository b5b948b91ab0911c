import { Readable } from 'node:stream'
import * as bodies from './bodies.ts'

export function largeBody(): Buffer {
  return Buffer.from(bodies.largeBody().buffer)
}

/**
 * The same in pieces. Over HTTP/2, Node refuses all further streams of a connection that has more than 10 MB to send in its
 * memory.
 */
export function largeStream(): Readable {
  const body = largeBody()
  const pieceBytes = 64 * 1024
  return Readable.from(
    Array.from({ length: body.length / pieceBytes }, (_, index) =>
      body.subarray(index * pieceBytes, (index + 1) * pieceBytes),
    ),
  )
}

/** Half a page, and then an error. */
export function brokenPage(): Readable {
  return readable(bodies.brokenPage())
}

/** One chunk, and then nothing, without ever ending. */
export function stalledBody(): Readable {
  return readable(bodies.stalledBody())
}

/** The time as server-sent events, one each `everyMs` milliseconds, until nobody reads them. */
export function eventStream(everyMs: number): Readable {
  return readable(bodies.eventStream(everyMs))
}

/** As a stream of Node's own. */
function readable(stream: ReadableStream): Readable {
  return Readable.fromWeb(stream as Parameters<typeof Readable.fromWeb>[0])
}
