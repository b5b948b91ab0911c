/** So many bytes a line may have; a longer one is passed over without being kept. */
export const MAX_LINE: number = 16 * 1024 * 1024

export interface Line {
  /** From 1. */
  readonly number: number
  /** Without its end; `undefined` for a line that is too long. */
  readonly bytes: Buffer | undefined
  /** The last one, which has no end. */
  readonly torn: boolean
}

/** Makes lines of chunks of bytes. What has no end yet waits for it. */
export class Lines {
  private parts: Buffer[] = []
  private length = 0
  private ended = 0
  private readonly maxLine: number

  constructor(maxLine: number = MAX_LINE) {
    this.maxLine = maxLine
  }

  *push(chunk: Uint8Array): Generator<Line> {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    let from = 0
    for (let end = bytes.indexOf(0x0a); end >= 0; end = bytes.indexOf(0x0a, from)) {
      this.add(bytes.subarray(from, end))
      from = end + 1
      yield this.take(false)
    }
    this.add(bytes.subarray(from))
  }

  /** There is no more: what was still waiting, if there is anything. */
  *end(): Generator<Line> {
    if (this.length > 0) yield this.take(true)
  }

  private add(part: Buffer): void {
    if (part.length === 0) return
    this.length += part.length
    if (this.length <= this.maxLine) this.parts.push(part)
    else this.parts = []
  }

  private take(torn: boolean): Line {
    // A copy, for a part keeps its whole chunk in memory.
    const bytes = this.length <= this.maxLine ? Buffer.concat(this.parts) : undefined
    this.parts = []
    this.length = 0
    this.ended++
    return { number: this.ended, bytes, torn }
  }
}
