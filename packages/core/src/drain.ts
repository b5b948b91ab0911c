import { ResponseTooLargeError } from './errors.ts'
import type { Policy } from './options.ts'
import { concat } from './response-buffer.ts'

/** A response whose body is being read to its end before anything of it is sent. */
export interface Draining {
  /** The response with its whole body; past `maxBytes` under `overflow: 'stream'`, one that streams the rest. */
  readonly result: Promise<Response>
  /** Stops reading: the result rejects with `reason`, and whoever writes the body is told the same. */
  cancel(reason: unknown): void
}

/** Reads the body of `response`. What its source throws half-way is what the result rejects with. */
export function drain(
  response: Response,
  { maxBytes, overflow }: Pick<Policy, 'maxBytes' | 'overflow'>,
): Draining {
  const reader = response.body!.getReader()
  let stopped: { readonly reason: unknown } | undefined

  async function read(): Promise<Response> {
    const chunks: Uint8Array[] = []
    let size = 0
    for (;;) {
      const { done, value } = await reader.read()
      if (stopped) throw stopped.reason
      if (done) return whole(response, concat(chunks, size))
      if (!ArrayBuffer.isView(value)) throw new TypeError(`Body chunk is no Uint8Array: ${typeof value}`)
      chunks.push(value)
      size += value.byteLength
      if (size <= maxBytes) continue
      if (overflow === 'stream') return withBody(response, resume(chunks, reader))
      throw new ResponseTooLargeError(maxBytes)
    }
  }

  const result = read()
  result.catch((error) => reader.cancel(error)).catch(() => {})
  return {
    result,
    cancel(reason) {
      stopped = { reason }
      // A read that is waiting settles at once, whatever the source makes of it.
      reader.cancel(reason).catch(() => {})
    },
  }
}

/** The same response over all of its bytes. What the head said of their number may have been said of others. */
function whole(response: Response, bytes: Uint8Array<ArrayBuffer>): Response {
  const drained = withBody(response, bytes)
  drained.headers.delete('transfer-encoding')
  if (drained.headers.has('content-length')) drained.headers.set('content-length', String(bytes.byteLength))
  return drained
}

/** A stream of the chunks that were read already, and then of what the reader still has. */
function resume(
  chunks: Uint8Array[],
  reader: ReadableStreamDefaultReader<Uint8Array>,
): ReadableStream<Uint8Array> {
  let next = 0
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (next < chunks.length) return controller.enqueue(chunks[next++]!)
      const { done, value } = await reader.read()
      if (done) controller.close()
      else controller.enqueue(value)
    },
    cancel: (reason) => reader.cancel(reason),
  })
}

/** The same status and headers over another body. */
export function withBody(response: Response, body: ReadableStream | Uint8Array<ArrayBuffer>): Response {
  const { status, statusText, headers } = response
  return new Response(body, { status, statusText, headers: new Headers(headers) })
}
