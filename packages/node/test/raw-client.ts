import { connect, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

export interface RawResponse {
  readonly status: number
  readonly reason: string
  /** In order, with lower-case names. */
  readonly headers: [name: string, value: string][]
  readonly body: string
  /** Whether the body came to its own end. */
  readonly complete: boolean
}

/** A TCP connection that sends what it is told to and leaves as it is told to. Its test closes it. */
export class RawClient {
  readonly socket: Socket
  received = ''
  /** The error code of the connection once it is over; `undefined` for a clean end. */
  readonly over: Promise<string | undefined>
  private code: string | undefined
  private isOver = false
  private readonly looks = new Set<() => void>()

  private constructor(socket: Socket) {
    this.socket = socket
    socket.setEncoding('latin1')
    socket.on('data', (chunk: string) => {
      this.received += chunk
      this.look()
    })
    socket.on('end', () => socket.end())
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.code = error.code
    })
    this.over = new Promise((resolve) => {
      socket.on('close', () => {
        this.isOver = true
        this.look()
        resolve(this.code)
      })
    })
    onTestFinished(() => void socket.destroy())
  }

  static connect(port: number): Promise<RawClient> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
      socket.once('error', reject)
      socket.once('connect', () => {
        socket.off('error', reject)
        resolve(new RawClient(socket))
      })
    })
  }

  /** One that has sent this already. */
  static async sending(port: number, text: string): Promise<RawClient> {
    const client = await RawClient.connect(port)
    client.send(text)
    return client
  }

  send(text: string): void {
    this.socket.write(text, 'latin1')
  }

  /** Sends a FIN and goes on reading. */
  halfClose(): void {
    this.socket.end()
  }

  /** Closes both directions: a FIN, unless bytes were left unread. */
  close(): void {
    this.socket.destroy()
  }

  /** Sends an RST. */
  reset(): void {
    this.socket.resetAndDestroy()
  }

  /** Resolves once so many bytes have come; rejects if the connection ends before. */
  async bytes(count: number): Promise<void> {
    await this.until(() => this.received.length >= count, `${count} bytes`)
  }

  /** Resolves once this has come; rejects if the connection ends before. */
  async saw(text: string): Promise<void> {
    await this.until(() => this.received.includes(text), JSON.stringify(text))
  }

  /** The first so many final responses, as far as they have come; rejects if the connection ends before. */
  async responses(count: number, { head = false } = {}): Promise<RawResponse[]> {
    const all = () => parse(this.received, head)
    await this.until(() => all().filter(({ complete }) => complete).length >= count, `${count} responses`)
    return all()
  }

  async response(options?: { head?: boolean }): Promise<RawResponse> {
    const [first] = await this.responses(1, options)
    return first!
  }

  /** What has come by the end of the connection. */
  async rest(): Promise<RawResponse[]> {
    await this.over
    return parse(this.received, false)
  }

  private until(done: () => boolean, what: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const finished = done()
        if (!finished && !this.isOver) return
        this.looks.delete(look)
        if (finished) resolve()
        else
          reject(new Error(`Connection ended before ${what}: ${JSON.stringify(this.received.slice(0, 300))}`))
      }
      this.looks.add(look)
      look()
    })
  }

  private look(): void {
    for (const look of [...this.looks]) look()
  }
}

/** A request without a body, as a client writes it. */
export function get(path = '/', { method = 'GET', headers = [] as string[] } = {}): string {
  return `${[`${method} ${path} HTTP/1.1`, 'Host: 127.0.0.1', ...headers].join('\r\n')}\r\n\r\n`
}

/** The final responses in what came over a connection, as far as they have come. */
export function parse(text: string, head: boolean): RawResponse[] {
  const responses: RawResponse[] = []
  let rest = text
  for (;;) {
    const match = /^HTTP\/1\.1 (\d{3}) ?([^\r]*)\r\n((?:[^\r]+\r\n)*)\r\n/.exec(rest)
    if (!match) return responses
    const status = Number(match[1])
    const headers = match[3]!
      .split('\r\n')
      .filter(Boolean)
      .map((line): [string, string] => {
        const colon = line.indexOf(':')
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
      })
    rest = rest.slice(match[0].length)
    if (status < 200) continue
    const of = (name: string) => headers.find((header) => header[0] === name)?.[1]
    const bodyless = head || status === 204 || status === 304
    const { body, complete, size } = bodyless
      ? { body: '', complete: true, size: 0 }
      : of('transfer-encoding') === 'chunked'
        ? chunks(rest)
        : fixed(rest, of('content-length'))
    responses.push({ status, reason: match[2]!, headers, body, complete })
    if (!complete) return responses
    rest = rest.slice(size)
  }
}

function fixed(text: string, length: string | undefined): { body: string; complete: boolean; size: number } {
  const size = length === undefined ? Number.POSITIVE_INFINITY : Number(length)
  return { body: text.slice(0, size), complete: text.length >= size, size }
}

function chunks(text: string): { body: string; complete: boolean; size: number } {
  let at = 0
  let body = ''
  for (;;) {
    const end = text.indexOf('\r\n', at)
    const size = Number.parseInt(text.slice(at, end), 16)
    if (end < 0 || Number.isNaN(size)) return { body, complete: false, size: 0 }
    body += text.slice(end + 2, end + 2 + size)
    at = end + 2 + size + 2
    if (text.length < at) return { body, complete: false, size: 0 }
    if (size === 0) return { body, complete: true, size: at }
  }
}
