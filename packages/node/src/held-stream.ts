import { AsyncResource } from 'node:async_hooks'
import { constants, Http2ServerResponse, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import type { Held, Holder } from './held.ts'
import { OuterListeners } from './outer-listeners.ts'
import { refuse } from './seal.ts'

/**
 * Holds a response of HTTP/2: it writes into this instead of its stream. All else that is asked of the stream, the stream
 * answers.
 */
export class HeldStream implements Held {
  private readonly response: Inner
  private readonly holder: Holder
  private readonly real: ServerHttp2Stream
  private readonly listeners: OuterListeners
  private state: 'held' | 'released' | 'lost' = 'held'
  private head: Parameters<ServerHttp2Stream['respond']> | undefined
  private chunks: [chunk: unknown, encoding: unknown][] = []
  private bytes = 0
  /** Whether somebody waits for room. */
  private isFull = false
  private ended = false
  /** Whether the other response has been sent. */
  private isSent = false

  constructor(response: Http2ServerResponse, holder: Holder) {
    this.response = response as Inner
    this.holder = holder
    this.real = response.stream
    this.listeners = new OuterListeners(response)
    this.response[streamKeyOf(response)] = new Proxy(this.real, new StandIn(this, answered))
    const { flushHeaders, destroy } = this.response
    const ownFlushHeaders = (): void => {
      flushHeaders.call(response)
      if (this.state === 'held') holder.onBegin('flushed')
    }
    const ownDestroy: typeof destroy = (error) => {
      if (error !== undefined && error !== null) {
        if (this.state === 'released') holder.onBreak(error)
      } else if (!holder.isGivenUp && !this.ended) {
        holder.onDestroy()
        // Node ends it as if it were whole.
        this.real.close(constants.NGHTTP2_INTERNAL_ERROR)
        return this.response
      }
      return destroy.call(response, error)
    }
    this.response.flushHeaders = ownFlushHeaders
    this.response.destroy = ownDestroy
  }

  release(): void {
    const { response, real, head, chunks } = this
    // What is refused here can still be replaced.
    if (head) real.respond(...head)
    this.state = 'released'
    this.chunks = []
    response[streamKeyOf(response)] = this.ended ? real : new Proxy(real, new StandIn(this, followed))
    for (const [chunk, encoding] of chunks) real.write(chunk, encoding as BufferEncoding)
    if (this.ended) real.end()
    else if (this.isFull && !real.writableNeedDrain) process.nextTick(() => response.emit('drain'))
  }

  drop(): void {
    this.state = 'lost'
    this.chunks = []
    this.bytes = 0
  }

  headersOf(_status: number, headers: OutgoingHttpHeaders): OutgoingHttpHeaders {
    return headers
  }

  replace(headers: OutgoingHttpHeaders): Http2ServerResponse {
    this.drop()
    const { response, real } = this
    // The response that was there would send trailers, too.
    real.removeAllListeners('wantTrailers')
    const replacement = new Http2ServerResponse(real as never)
    for (const [name, value] of Object.entries(headers)) replacement.setHeader(name, value as string)
    // Who hears that the response is closed can see what was answered instead.
    const { writeHead } = replacement
    const answered = AsyncResource.bind(() => {
      this.copyHead(replacement)
      this.listeners.closeInner()
    })
    const ownWriteHead = (...args: unknown[]): typeof replacement => {
      Reflect.apply(writeHead, replacement, args)
      answered()
      return replacement
    }
    replacement.writeHead = ownWriteHead
    replacement.once('finish', () => {
      this.copyHead(replacement)
      response.emit('finish')
    })
    replacement.once('close', () => response.emit('close'))
    return replacement
  }

  private copyHead(from: Http2ServerResponse): void {
    const { response } = this
    const { removeHeader, setHeader } = Http2ServerResponse.prototype
    this.head = undefined
    for (const name of response.getHeaderNames()) removeHeader.call(response, name)
    for (const [name, value] of Object.entries(from.getHeaders())) {
      if (!name.startsWith(':')) setHeader.call(response, name, value as string)
    }
    response.statusCode = from.statusCode
    this.head = [from.getHeaders()]
    this.ended = true
    this.isSent = true
    const ended = { configurable: true, value: true }
    Object.defineProperties(response, { writableEnded: ended, finished: ended })
  }

  // --- what the response asks of its stream ---------------------------------------------------------------------

  get headersSent(): boolean {
    return this.head !== undefined
  }

  /** That of a request for the head alone is ended from the start. */
  get writableEnded(): boolean {
    return this.ended || this.real.writableEnded
  }

  get writableFinished(): boolean {
    return this.isSent
  }

  get writableLength(): number {
    return this.bytes
  }

  get writableNeedDrain(): boolean {
    return false
  }

  get destroyed(): boolean {
    return this.state === 'lost' || this.real.destroyed
  }

  respond(...head: Parameters<ServerHttp2Stream['respond']>): void {
    const [headers, options] = head
    this.head = [{ ...headers }, options]
  }

  write(chunk: unknown, encoding: unknown, callback: unknown): boolean {
    if (this.state === 'lost') {
      this.holder.onLate(false)
      return refuse([encoding, callback])
    }
    if (this.state === 'released') {
      this.holder.onWrite()
      return this.real.write(chunk, encoding as BufferEncoding, callback as () => void)
    }
    if (typeof chunk !== 'string' && !ArrayBuffer.isView(chunk)) {
      throw new TypeError(`Body chunk is neither text nor bytes: ${typeof chunk}`)
    }
    this.chunks.push([chunk, encoding])
    this.bytes += typeof chunk === 'string' ? Buffer.byteLength(chunk) : chunk.byteLength
    if (typeof callback === 'function') process.nextTick(callback as () => void)
    // It is sent in a moment; a source that has no end would not wait for that.
    this.isFull = this.bytes > this.holder.maxBytes
    if (this.isFull) this.holder.onBegin('overflowed')
    else if (isEventStream(this.head)) this.holder.onBegin('event-stream')
    return !this.isFull
  }

  end(...args: []): unknown {
    this.ended = true
    if (this.state === 'lost') return this.holder.onLate(true)
    if (this.state === 'held') return this.holder.onEnd()
    this.holder.onEnd()
    return this.real.end(...args)
  }

  destroy(error: unknown): void {
    if (this.holder.isGivenUp) return
    if (error === undefined || error === null) this.real.destroy()
    else this.holder.onGiveUp(error)
  }
}

/** The stream itself, but for what the response is to find another answer to. */
class StandIn implements ProxyHandler<ServerHttp2Stream> {
  private readonly held: HeldStream
  private readonly answered: ReadonlySet<string | symbol>

  constructor(held: HeldStream, names: ReadonlySet<string | symbol>) {
    this.held = held
    this.answered = names
  }

  get(stream: ServerHttp2Stream, name: string | symbol): unknown {
    const owner = this.answered.has(name) ? this.held : stream
    const value = Reflect.get(owner, name, owner)
    return typeof value === 'function' ? value.bind(owner) : value
  }

  set(stream: ServerHttp2Stream, name: string | symbol, value: unknown): boolean {
    return Reflect.set(stream, name, value, stream)
  }
}

const answered: ReadonlySet<string | symbol> = new Set([
  'headersSent',
  'writableEnded',
  'writableFinished',
  'writableLength',
  'writableNeedDrain',
  'destroyed',
  'respond',
  'write',
  'end',
  'destroy',
])

/** What is asked once it has been released, but has not ended: limits count from the last write, and to the end. */
const followed: ReadonlySet<string | symbol> = new Set(['write', 'end'])

function isEventStream(head: Parameters<ServerHttp2Stream['respond']> | undefined): boolean {
  return String(head?.[0]?.['content-type']).startsWith('text/event-stream')
}

type Inner = Http2ServerResponse & { flushHeaders(): void; [key: symbol]: unknown }

let streamKey: symbol | undefined

/** Where a response of Node's keeps its stream. */
function streamKeyOf(response: Http2ServerResponse): symbol {
  streamKey ??= Object.getOwnPropertySymbols(response).find(
    (key) => Reflect.get(response, key) === response.stream,
  )
  return streamKey!
}
