import { type FileHandle, open } from 'node:fs/promises'

const CHUNK = 64 * 1024

/** So much of what was read last is compared, to see a file that was emptied and has already grown again. */
const ANCHOR = 4 * 1024

/** What tells one file from another. */
export interface Identity {
  readonly dev: bigint
  readonly ino: bigint
}

/** An open file and how far it has been read. It stays the same file, whatever it is called by now. */
export class FollowedFile {
  private readonly handle: FileHandle
  private readonly identity: Identity
  private position = 0
  /** What is right before the position. */
  private anchor: Buffer = Buffer.alloc(0)
  private changed: bigint | undefined

  private constructor(handle: FileHandle, identity: Identity) {
    this.handle = handle
    this.identity = identity
  }

  static async open(path: string): Promise<FollowedFile> {
    const handle = await open(path)
    return new FollowedFile(handle, await handle.stat({ bigint: true }))
  }

  is({ dev, ino }: Identity): boolean {
    return dev === this.identity.dev && ino === this.identity.ino
  }

  /** What there is to read by now. */
  async *read(signal: AbortSignal): AsyncGenerator<Uint8Array> {
    while (!signal.aborted) {
      const { bytesRead, buffer } = await this.handle.read(Buffer.allocUnsafe(CHUNK), 0, CHUNK, this.position)
      if (bytesRead === 0) return
      const chunk = buffer.subarray(0, bytesRead)
      this.position += bytesRead
      // A copy, for the chunk is not ours any more.
      this.anchor = Buffer.concat([this.anchor, chunk.subarray(-ANCHOR)]).subarray(-ANCHOR)
      yield chunk
    }
  }

  /** Whether it was emptied, or written anew, since it was read; then it is read from its beginning. */
  async restarted(): Promise<boolean> {
    const { size, mtimeNs } = await this.handle.stat({ bigint: true })
    if (mtimeNs === this.changed && size >= BigInt(this.position)) return false
    this.changed = mtimeNs
    const { length } = this.anchor
    const { bytesRead, buffer } = await this.handle.read(
      Buffer.alloc(length),
      0,
      length,
      this.position - length,
    )
    if (buffer.subarray(0, bytesRead).equals(this.anchor)) return false
    this.position = 0
    this.anchor = Buffer.alloc(0)
    return true
  }

  async close(): Promise<void> {
    await this.handle.close()
  }
}
