import { attachedClient } from './client.ts'
import { isWorkerd } from './is-workerd.ts'

/** Who hears what is read of a body. */
export interface BodyTap {
  /** A chunk of it, in order. */
  onChunk(chunk: Uint8Array): void
  /** It has been read to its end. What this throws is what the reader gets instead of the end. */
  onEnd(): void
  /** It broke while it was being read; the reader gets the same error. */
  onBreak?(error: unknown): void
  /** Whoever read it wants no more of it. */
  onCancel?(): void
}

/**
 * Listens to the body of a request, or of a response, while the handler reads it, by whichever way it does: the methods of
 * this very object are shadowed, and do what they did. Nothing is read that the handler does not read. What is read
 * through a copy (`request.clone()`, `new Request(request)`, `fetch(request)`) is not heard, nor what is read by a method
 * that somebody else has already put on this object, nor on workerd what is read from `body`.
 */
export function tapBody(message: Request | Response, tap: BodyTap): void {
  const client = attachedClient(message)
  if (client?.tapBody) return client.tapBody(tap)
  const tapped = message as Tapped
  if (!tapped[tappedKey]) {
    tapped[tappedKey] = new TappedBody(message)
    for (const [name, shadow] of isWorkerd ? wholeReads : shadows) {
      if (name in message && !Object.hasOwn(message, name)) Object.defineProperty(message, name, shadow)
    }
  }
  tapped[tappedKey].taps.push(tap)
}

/** Whether somebody waits for more of a body that {@link tapBody} listens to. */
export function isBodyAwaited(message: Request | Response): boolean {
  return !!(message as Tapped)[tappedKey]?.waiting.size
}

/** Tells whoever waits for more of it that the body broke, whatever the runtime still expects of it. */
export function breakBody(message: Request | Response, error: unknown): void {
  const tapped = (message as Tapped)[tappedKey]
  if (!tapped) return
  tapped.broken = { error }
  for (const reject of tapped.waiting) reject(error)
}

const tappedKey: unique symbol = Symbol.for('curfew.body') as never

interface Tapped {
  [tappedKey]?: TappedBody
}

type Bytes = Uint8Array<ArrayBuffer>

class TappedBody {
  readonly taps: BodyTap[] = []
  private readonly message: Request | Response
  private streamed: Response | undefined
  private reader: ReadableStreamDefaultReader<Bytes> | undefined
  /** Who waits for a read. */
  readonly waiting = new Set<(error: unknown) => void>()
  broken: { readonly error: unknown } | undefined

  constructor(message: Request | Response) {
    this.message = message
  }

  // --- the ways to read it --------------------------------------------------------------------------------------

  async arrayBuffer(): Promise<ArrayBuffer> {
    if (this.streamed) return this.streamed.arrayBuffer()
    const buffer = await this.readWhole<ArrayBuffer>('arrayBuffer')
    this.heard(new Uint8Array(buffer))
    this.ended()
    return buffer
  }

  /** The runtime's own, for they do not agree on its type. */
  async blob(): Promise<Blob> {
    if (this.streamed) return (await this.whole()).blob()
    const blob = await this.readWhole<Blob>('blob')
    this.heard(new Uint8Array(await blob.arrayBuffer()))
    this.ended()
    return blob
  }

  async text(): Promise<string> {
    return decoder.decode(await this.arrayBuffer())
  }

  async json(): Promise<unknown> {
    return JSON.parse(await this.text())
  }

  async whole(): Promise<Response> {
    const type = this.message.headers.get('content-type')
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
  clone(): Request | Response {
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

  private async readOn(): ReturnType<ReadableStreamDefaultReader<Bytes>['read']> {
    const reader = this.lock()
    const result = await this.awaited(reader.read()).catch((error) => this.broke(error))
    if (result.done) this.ended()
    else this.heard(result.value)
    return result
  }

  private async readWhole<T>(method: string): Promise<T> {
    const wasUsed = this.ownBodyUsed
    try {
      return await this.awaited(this.own<Promise<T>>(method))
    } catch (error) {
      // Who is refused a body that was used, or is in use, has not been reading it.
      if (wasUsed || !this.ownBodyUsed) throw error
      return this.broke(error)
    }
  }

  private awaited<T>(read: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.broken) reject(this.broken.error)
      this.waiting.add(reject)
      void read.then(resolve, reject).then(() => this.waiting.delete(reject))
    })
  }

  // --- who hears of it ------------------------------------------------------------------------------------------

  private heard(chunk: Uint8Array): void {
    for (const tap of this.taps) tap.onChunk(chunk)
  }

  private ended(): void {
    for (const tap of this.taps) tap.onEnd()
  }

  private broke(error: unknown): never {
    for (const tap of this.taps) tap.onBreak?.(error)
    throw error
  }

  private cancel(reason: unknown): Promise<void> {
    for (const tap of this.taps) tap.onCancel?.()
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
    return (this.property(method) as () => T).call(this.message)
  }

  private property(name: string): unknown {
    return Reflect.get(Object.getPrototypeOf(this.message), name, this.message)
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

/** One set of descriptors for all of them: each finds its own body. */
const shadows: readonly [name: string, shadow: PropertyDescriptor][] = [
  ['body', getter((body) => body.body)],
  ['bodyUsed', getter((body) => body.bodyUsed)],
  ['arrayBuffer', method((body) => body.arrayBuffer())],
  ['bytes', method(async (body) => new Uint8Array(await body.arrayBuffer()))],
  ['text', method((body) => body.text())],
  ['json', method((body) => body.json())],
  ['blob', method((body) => body.blob())],
  ['formData', method(async (body) => (await body.whole()).formData())],
  ['clone', method((body) => body.clone())],
]

/**
 * A body's stream stays workerd's own there: `fetch()` and R2 ask it for its length, and no stream that JavaScript makes
 * has one.
 */
const wholeReads = shadows.filter(([name]) => !['body', 'bodyUsed', 'clone'].includes(name))

function getter(get: (body: TappedBody) => unknown): PropertyDescriptor {
  return {
    configurable: true,
    get(this: Required<Tapped>) {
      return get(this[tappedKey])
    },
  }
}

function method(run: (body: TappedBody) => unknown): PropertyDescriptor {
  return {
    configurable: true,
    writable: true,
    value(this: Required<Tapped>) {
      return run(this[tappedKey])
    },
  }
}
