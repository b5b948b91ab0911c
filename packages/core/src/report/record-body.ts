import { concat } from '../response-buffer.ts'

/** What a handler has read of a request's body so far, as much as is kept of it. */
export interface BodyRecord {
  /** How many bytes have been read. */
  readonly bytes: number
  /** Whether the body has been read to its end. */
  readonly ended: boolean
  /** The beginning of the body. */
  kept(): Uint8Array<ArrayBuffer>
}

/**
 * Keeps the first `maxBytes` of a request's body while the handler reads it, by whichever way it does: the methods of
 * this very Request object are shadowed, and do what they did. Nothing is read that the handler does not read. What is
 * read through a copy (`request.clone()`, `new Request(request)`, `fetch(request)`) is not seen.
 */
export function recordBody(request: Request, maxBytes: number): BodyRecord | undefined {
  if (maxBytes <= 0 || request.method === 'GET' || request.method === 'HEAD') return undefined
  const body = new RecordedBody(request, maxBytes)
  ;(request as Recorded)[bodyKey] = body
  Object.defineProperties(request, shadows)
  return body
}

const bodyKey: unique symbol = Symbol.for('curfew.body') as never

interface Recorded {
  [bodyKey]?: RecordedBody
}

class RecordedBody implements BodyRecord {
  bytes = 0
  ended = false
  private readonly request: Request
  private room: number
  private readonly chunks: Uint8Array[] = []
  private streamed: Response | undefined

  constructor(request: Request, maxBytes: number) {
    this.request = request
    this.room = maxBytes
  }

  kept(): Uint8Array<ArrayBuffer> {
    return concat(
      this.chunks,
      this.chunks.reduce((size, { byteLength }) => size + byteLength, 0),
    )
  }

  // --- the ways to read it --------------------------------------------------------------------------------------

  async arrayBuffer(): Promise<ArrayBuffer> {
    if (this.streamed) return this.streamed.arrayBuffer()
    const buffer = await this.own<Promise<ArrayBuffer>>('arrayBuffer')
    this.keep(new Uint8Array(buffer))
    this.ended = true
    return buffer
  }

  async text(): Promise<string> {
    return decoder.decode(await this.arrayBuffer())
  }

  async json(): Promise<unknown> {
    return JSON.parse(await this.text())
  }

  async whole(): Promise<Response> {
    const type = this.request.headers.get('content-type')
    return new Response(await this.arrayBuffer(), { headers: type === null ? {} : { 'content-type': type } })
  }

  /** Looked at, the body is still unread: nothing is taken from it before somebody reads. */
  get body(): ReadableStream<Uint8Array<ArrayBuffer>> | null {
    if (this.streamed) return this.streamed.body
    const body = this.ownBody
    // Who reads it already, by a method, cannot be followed any more, and has no need to be.
    if (!body || body.locked || this.ownBodyUsed) return body
    this.streamed = new Response(new ReadableStream(this.source()))
    return this.streamed.body
  }

  get bodyUsed(): boolean {
    return this.streamed?.bodyUsed || this.ownBodyUsed
  }

  private source(): UnderlyingByteSource {
    let reader: ReadableStreamDefaultReader<Uint8Array> | undefined
    return {
      type: 'bytes',
      pull: async (controller) => {
        reader ??= this.ownBody!.getReader()
        // An empty chunk is none, and would leave whoever reads waiting.
        let { done, value } = await reader.read()
        while (value?.byteLength === 0) ({ done, value } = await reader.read())
        if (done || !value) {
          this.ended = true
          controller.close()
          controller.byobRequest?.respond(0)
        } else {
          this.keep(value)
          controller.enqueue(value as Uint8Array<ArrayBuffer>)
        }
      },
      cancel: (reason) => (reader ?? this.ownBody!).cancel(reason),
    }
  }

  // --- what the runtime has -------------------------------------------------------------------------------------

  private get ownBody(): ReadableStream<Uint8Array<ArrayBuffer>> | null {
    return this.property('body') as never
  }

  private get ownBodyUsed(): boolean {
    return this.property('bodyUsed') as boolean
  }

  private own<T>(method: string): T {
    return (this.property(method) as () => T).call(this.request)
  }

  private property(name: string): unknown {
    return Reflect.get(Object.getPrototypeOf(this.request), name, this.request)
  }

  private keep(chunk: Uint8Array): void {
    this.bytes += chunk.byteLength
    if (this.room === 0 || chunk.byteLength === 0) return
    const kept = chunk.slice(0, this.room)
    this.room -= kept.byteLength
    this.chunks.push(kept)
  }
}

const decoder = new TextDecoder()

/** One set of descriptors for all requests: each finds its own record. */
const shadows: PropertyDescriptorMap & ThisType<Required<Recorded>> = {
  body: getter((body) => body.body),
  bodyUsed: getter((body) => body.bodyUsed),
  arrayBuffer: method((body) => body.arrayBuffer()),
  bytes: method(async (body) => new Uint8Array(await body.arrayBuffer())),
  text: method((body) => body.text()),
  json: method((body) => body.json()),
  blob: method(async (body) => (await body.whole()).blob()),
  formData: method(async (body) => (await body.whole()).formData()),
}

function getter(get: (body: RecordedBody) => unknown): PropertyDescriptor & ThisType<Required<Recorded>> {
  return {
    configurable: true,
    get() {
      return get(this[bodyKey])
    },
  }
}

function method(read: (body: RecordedBody) => Promise<unknown>): PropertyDescriptor {
  return {
    configurable: true,
    writable: true,
    value(this: Required<Recorded>) {
      return read(this[bodyKey])
    },
  }
}
