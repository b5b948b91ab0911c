import { type BodyTap, tapBody } from '../tap-body.ts'

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
 * Keeps the first `maxBytes` of a request's body while the handler reads it: see {@link tapBody} for what is heard. A
 * request is recorded once: whoever asks again gets the same record, with as much in it as was first asked for.
 */
export function recordBody(request: Request, maxBytes: number): RunningRecord | undefined {
  if (maxBytes <= 0 || request.method === 'GET' || request.method === 'HEAD') return undefined
  const recorded = request as Recorded
  if (!recorded[recordKey]) {
    recorded[recordKey] = new RecordedBody(maxBytes)
    tapBody(request, recorded[recordKey])
  }
  return recorded[recordKey].hold()
}

const recordKey: unique symbol = Symbol.for('curfew.record') as never

interface Recorded {
  [recordKey]?: RecordedBody
}

class RecordedBody implements RunningRecord, BodyTap {
  bytes = 0
  ended = false
  private maxBytes: number
  private holders = 0
  private store = new Uint8Array(0)
  private size = 0

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
  }

  kept(): Uint8Array<ArrayBuffer> {
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

  onChunk(chunk: Uint8Array): void {
    // The body of a request that a test makes may have chunks of anything.
    if (!ArrayBuffer.isView(chunk)) return
    this.bytes += chunk.byteLength
    const part = chunk.subarray(0, this.maxBytes - this.size)
    const size = this.size + part.byteLength
    if (size > this.store.byteLength) this.grow(size)
    this.store.set(part, this.size)
    this.size = size
  }

  onEnd(): void {
    this.ended = true
  }

  /** One array for all chunks: there may be one for each byte. */
  private grow(size: number): void {
    const store = new Uint8Array(Math.min(this.maxBytes, Math.max(size, 2 * this.store.byteLength)))
    store.set(this.store)
    this.store = store
  }
}
