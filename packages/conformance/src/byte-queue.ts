/** How a connection ended: in order, or torn down. */
export type Closing = 'fin' | 'reset'

/** Bytes that arrive in pieces and are read in others, by one reader at a time. */
export type ByteQueue = {
  push(bytes: Uint8Array): void
  end(how: Closing): void
  /** At most `max` bytes, as soon as there are any; `undefined` after the last one. */
  take(max: number): Promise<Buffer | undefined>
  /** A line without its CRLF; `undefined` when the bytes end before it does, which uses them up. */
  line(): Promise<string | undefined>
  /** Whether a byte has come that nobody has read, or still comes before the end. */
  hasMore(): Promise<boolean>
  /** How the bytes ended; `undefined` while they have not. */
  readonly closing: Closing | undefined
  /** The bytes that nobody has read yet. */
  readonly unread: number
}

const longestLine = 65_536

export function byteQueue(): ByteQueue {
  const pieces: Buffer[] = []
  let unread = 0
  let closing: Closing | undefined
  let wake: (() => void) | undefined

  function wakeReader(): void {
    wake?.()
    wake = undefined
  }

  async function hasMore(): Promise<boolean> {
    while (pieces.length === 0 && closing === undefined) {
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
    return pieces.length > 0
  }

  async function take(max: number): Promise<Buffer | undefined> {
    if (!(await hasMore())) return undefined
    const first = pieces.shift()!
    const taken = first.subarray(0, max)
    if (taken.length < first.length) pieces.unshift(first.subarray(max))
    unread -= taken.length
    return taken
  }

  async function line(): Promise<string | undefined> {
    let text = ''
    while (!text.endsWith('\n')) {
      if (text.length > longestLine) throw new Error(`malformed response: a line over ${longestLine} bytes`)
      if (!(await hasMore())) return undefined
      const first = pieces[0]!
      const lineFeed = first.indexOf('\n')
      const taken = await take(lineFeed === -1 ? first.length : lineFeed + 1)
      text += taken!.toString('latin1')
    }
    if (!text.endsWith('\r\n'))
      throw new Error(`malformed response: a line without CRLF: ${JSON.stringify(text)}`)
    return text.slice(0, -2)
  }

  return {
    push(bytes) {
      if (bytes.length === 0) return
      pieces.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
      unread += bytes.length
      wakeReader()
    },
    end(how) {
      closing ??= how
      wakeReader()
    },
    take,
    line,
    hasMore,
    get closing() {
      return closing
    },
    get unread() {
      return unread
    },
  }
}
