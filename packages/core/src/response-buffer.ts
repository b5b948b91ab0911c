import { InvalidOptionError, ResponseTooLargeError } from './errors.ts'

const encoder = new TextEncoder()

/**
 * Status, headers and body that a handler writes step by step. They reach the client, all at once, only if the handler
 * wins: return nothing from the handler (or `response.toResponse()`) to send them. After the request has ended every method throws
 * the reason that the signal was aborted with, and nothing that is written goes anywhere.
 *
 * @example
 * ```ts
 * guard(async (request) => {
 *   const { response } = scopeOf(request)
 *   response.status = 201
 *   response.headers.set('location', '/orders/7')
 *   response.write('<ul>')
 *   for await (const row of rows) response.write(`<li>${escape(row.name)}</li>`)
 *   response.write('</ul>')
 * })
 * ```
 */
export class ResponseBuffer {
  private readonly maxBytes: number
  private readonly refuse: () => void
  private readonly head = new Headers()
  private code = 200
  private parts: (string | Uint8Array)[] = []
  private bytes = 0

  /** @param refuse throws once nothing may be written any more */
  constructor(maxBytes: number, refuse: () => void) {
    this.maxBytes = maxBytes
    this.refuse = refuse
  }

  /** 200 until it is set; a final status, 200 to 599. The last one set is sent. */
  get status(): number {
    return this.code
  }

  /** @throws {InvalidOptionError} for what cannot be a final status, an informational one (1xx) included */
  set status(status: number) {
    this.refuse()
    if (!Number.isInteger(status) || status < 200 || status > 599) {
      throw new InvalidOptionError('status', 'a final HTTP status from 200 to 599', status)
    }
    this.code = status
  }

  /** The headers; a shorthand sets `content-type` only where it is not set yet. */
  get headers(): Headers {
    this.refuse()
    return this.head
  }

  /** How many bytes the body has so far. */
  get size(): number {
    return this.bytes
  }

  /** @internal Nobody will read the body. */
  forget(): void {
    this.parts = []
  }

  /** @internal For reports: what was written, also when nothing may be written any more. */
  get written(): { readonly status: number; readonly headers: Headers; readonly bytes: number } {
    return { status: this.code, headers: this.head, bytes: this.bytes }
  }

  /** Adds a header beside those of the same name. */
  append(name: string, value: string): this {
    this.headers.append(name, value)
    return this
  }

  /**
   * Adds to the body. Bytes are copied, so that the array may be used again.
   *
   * @throws {ResponseTooLargeError} when the body would pass `maxBytes`; what was written before is kept
   * @throws {TypeError} for what is neither text nor bytes
   */
  write(chunk: string | ArrayBufferView | ArrayBuffer): this {
    this.refuse()
    const part = typeof chunk === 'string' ? chunk : bytesOf(chunk)
    const size = typeof part === 'string' ? utf8Length(part) : part.byteLength
    if (this.bytes + size > this.maxBytes) throw new ResponseTooLargeError(this.maxBytes)
    this.bytes += size
    this.parts.push(part)
    return this
  }

  /** Writes text, as `text/plain`. */
  text(text: string, status?: number): this {
    return this.shorthand('text/plain; charset=utf-8', text, status)
  }

  /**
   * Writes a value as JSON, as `application/json`.
   *
   * @throws {TypeError} for a value that has no JSON: `undefined`, a function, a cycle
   */
  json(value: unknown, status?: number): this {
    const json: string | undefined = JSON.stringify(value)
    if (json === undefined) throw new TypeError(`Value has no JSON: ${typeof value}`)
    return this.shorthand('application/json', json, status)
  }

  /** Writes markup, as `text/html`. */
  html(markup: string, status?: number): this {
    return this.shorthand('text/html; charset=utf-8', markup, status)
  }

  private shorthand(type: string, text: string, status: number | undefined): this {
    if (status !== undefined) this.status = status
    this.write(text)
    if (!this.head.has('content-type')) this.head.set('content-type', type)
    return this
  }

  /** What has been written so far, as a response: for frameworks that want one returned. */
  toResponse(): Response {
    const bodyless = [204, 205, 304].includes(this.code)
    return new Response(bodyless ? null : this.body(), { status: this.code, headers: this.head })
  }

  private body(): string | Uint8Array<ArrayBuffer> {
    const { parts } = this
    if (parts.every((part) => typeof part === 'string')) return parts.join('')
    return concat(
      parts.map((part) => (typeof part === 'string' ? encoder.encode(part) : part)),
      this.bytes,
    )
  }
}

function bytesOf(chunk: ArrayBufferView | ArrayBuffer): Uint8Array {
  if (ArrayBuffer.isView(chunk)) {
    return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength).slice()
  }
  if (Object.prototype.toString.call(chunk) === '[object ArrayBuffer]') return new Uint8Array(chunk).slice()
  throw new TypeError(`Body chunk is neither text nor bytes: ${typeof chunk}`)
}

/** All chunks in one array of `size` bytes. */
export function concat(chunks: Uint8Array[], size: number): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(size)
  let offset = 0
  for (const chunk of chunks) {
    whole.set(chunk, offset)
    offset += chunk.byteLength
  }
  return whole
}

function utf8Length(text: string): number {
  let bytes = text.length
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) continue
    const pair = unit >= 0xd800 && unit < 0xdc00 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00
    if (pair) i++
    bytes += unit < 0x800 ? 1 : 2
  }
  return bytes
}
