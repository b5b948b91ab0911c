/** What a handler has read of a request's body so far, as much as is kept of it. */
export interface BodyRecord {
  /** How many bytes have been read. */
  readonly bytes: number
  /** Whether the body has been read to its end. */
  readonly ended: boolean
  /** The beginning of the body. */
  kept(): Uint8Array<ArrayBuffer>
}

/** A record that goes on, until whoever asked for it lets go of it. */
export interface RunningRecord extends BodyRecord {
  /** Nothing more is kept, nor is what was, once all who asked for it have said so; the handler may read on. */
  release(): void
}

/**
 * Keeps the first `maxBytes` of a request's body while the handler reads it, by whichever way it does: the methods of
 * this very Request object are shadowed, and do what they did. Nothing is read that the handler does not read. What is
 * read through a copy (`request.clone()`, `new Request(request)`, `fetch(request)`) is not seen, nor what is read by a
 * method that somebody has already put on this object. A request is recorded once: whoever asks again gets the same
 * record, with as much in it as was first asked for.
 */
export function recordBody(request: Request, maxBytes: number): RunningRecord | undefined {
  if (maxBytes <= 0 || request.method === 'GET' || request.method === 'HEAD') return undefined
  const known = (request as Recorded)[bodyKey]
  if (known) return known.hold()
  const body = new RecordedBody(request, maxBytes)
  ;(request as Recorded)[bodyKey] = body
  for (const [name, shadow] of shadows) {
    if (name in request && !Object.hasOwn(request, name)) Object.defineProperty(request, name, shadow)
  }
  return body.hold()
}

const bodyKey: unique symbol = Symbol.for('curfew.body') as never

interface Recorded {
  [bodyKey]?: RecordedBody
}

type Bytes = Uint8Array<ArrayBuffer>

class RecordedBody implements RunningRecord {
  bytes = 0
  ended = false
  private readonly request: Request
  private maxBytes: number
  private holders = 0
  private store = new Uint8Array(0)
  private size = 0
  private streamed: Response | undefined
  private reader: ReadableStreamDefaultReader<Bytes> | undefined

  constructor(request: Request, maxBytes: number) {
    this.request = request
    this.maxBytes = maxBytes
  }

  kept(): Bytes {
    return this.store.slice(0, this.size)
  }

  hold(): this {
    this.holders++
    return this
  }

  release(): void {
    if (--this.holders > 0) return
    this.store = new Uint8Array(0)
    this.size = 0
    this.maxBytes = 0
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
  get body(): ReadableStream<Bytes> | null {
    if (this.streamed) return this.streamed.body
    const body = this.ownBody
    // Who reads it already, by a method, cannot be followed any more, and has no need to be.
    if (!body || body.locked || this.ownBodyUsed) return body
    this.streamed = new Response(isByteStream(body) ? this.byteStream() : this.stream())
    return this.streamed.body
  }

  get bodyUsed(): boolean {
    return this.streamed?.bodyUsed || this.ownBodyUsed
  }

  /** Who is refused a copy of a body that is being read is refused by the runtime, in its own words. */
  clone(): Request {
    if (this.streamed?.body?.locked) this.lock()
    return this.own('clone')
  }

  private stream(): ReadableStream<Bytes> {
    const pull = async (controller: ReadableStreamDefaultController<Bytes>): Promise<void> => {
      const { done, value } = await this.readOn()
      if (done) controller.close()
      else controller.enqueue(value)
    }
    return new ReadableStream({ pull, cancel: (reason) => this.cancel(reason) }, { highWaterMark: 0 })
  }

  /** For a body that was one: it takes its chunks away from whoever made them, who may need them still. */
  private byteStream(): ReadableStream<Bytes> {
    const pull = async (controller: ReadableByteStreamController): Promise<void> => {
      const { done, value } = await this.readOn()
      if (!done) return controller.enqueue(value)
      controller.close()
      controller.byobRequest?.respond(0)
    }
    return new ReadableStream({ type: 'bytes', pull, cancel: (reason) => this.cancel(reason) })
  }

  private async readOn(): Promise<ReadableStreamReadResult<Bytes>> {
    const result = await this.lock().read()
    if (result.done) this.ended = true
    else this.keep(result.value)
    return result
  }

  private cancel(reason: unknown): Promise<void> {
    return this.lock().cancel(reason)
  }

  private lock(): ReadableStreamDefaultReader<Bytes> {
    this.reader ??= this.ownBody!.getReader()
    return this.reader
  }

  // --- what the runtime has -------------------------------------------------------------------------------------

  private get ownBody(): ReadableStream<Bytes> | null {
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
    // The body of a request that a test makes may have chunks of anything.
    if (!ArrayBuffer.isView(chunk)) return
    this.bytes += chunk.byteLength
    const part = chunk.subarray(0, this.maxBytes - this.size)
    const size = this.size + part.byteLength
    if (size > this.store.byteLength) this.grow(size)
    this.store.set(part, this.size)
    this.size = size
  }

  /** One array for all chunks: there may be one for each byte. */
  private grow(size: number): void {
    const store = new Uint8Array(Math.min(this.maxBytes, Math.max(size, 2 * this.store.byteLength)))
    store.set(this.store)
    this.store = store
  }
}

const decoder = new TextDecoder()

function isByteStream(stream: ReadableStream): boolean {
  try {
    stream.getReader({ mode: 'byob' }).releaseLock()
    return true
  } catch {
    return false
  }
}

/** One set of descriptors for all requests: each finds its own record. */
const shadows: readonly [name: string, shadow: PropertyDescriptor][] = [
  ['body', getter((body) => body.body)],
  ['bodyUsed', getter((body) => body.bodyUsed)],
  ['arrayBuffer', method((body) => body.arrayBuffer())],
  ['bytes', method(async (body) => new Uint8Array(await body.arrayBuffer()))],
  ['text', method((body) => body.text())],
  ['json', method((body) => body.json())],
  ['blob', method(async (body) => (await body.whole()).blob())],
  ['formData', method(async (body) => (await body.whole()).formData())],
  ['clone', method((body) => body.clone())],
]

function getter(get: (body: RecordedBody) => unknown): PropertyDescriptor {
  return {
    configurable: true,
    get(this: Required<Recorded>) {
      return get(this[bodyKey])
    },
  }
}

function method(run: (body: RecordedBody) => unknown): PropertyDescriptor {
  return {
    configurable: true,
    writable: true,
    value(this: Required<Recorded>) {
      return run(this[bodyKey])
    },
  }
}
