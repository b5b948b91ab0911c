import type { ClientHttp2Stream, IncomingHttpHeaders } from 'node:http2'
import type { Protocol } from './fixture.ts'
import { http2Client } from './http2-client.ts'
import { type RawClient, rawClient } from './raw-client.ts'
import { within } from './within.ts'

export type WireRequest = {
  readonly method?: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
  /** The length that its head tells, if that is not all that is sent: then it goes on waiting for the rest of its body. */
  readonly announced?: number
}

export type Reply = {
  readonly status: number
  readonly headers: ReadonlyMap<string, string>
  readonly body: Buffer
  /** False when the connection or the stream ended before the body was whole. */
  readonly complete: boolean
  /** The statuses of the 1xx heads that came before. */
  readonly informational: readonly number[]
}

/** How a client leaves. */
export type Leaving = 'FIN' | 'RST' | 'RST_STREAM'

/** One request under way. */
export type Exchange = {
  /** Resolves at the head of the response, with its status. */
  readonly status: Promise<number>
  readonly reply: Promise<Reply>
  /** Resolves at the first piece of the body at which the predicate holds; `bytes` is how many have come so far. */
  until(predicate: (bytes: number) => boolean, description: string): Promise<void>
  /** Stops reading `bytes` from now, or a piece later, and resolves when it has. */
  holdAfter(bytes: number): Promise<void>
  resume(): void
  leave(way: Leaving): void
}

/** A connection: whatever the protocol, requests go out and replies come back. */
export type Wire = {
  request(request: WireRequest): Exchange
  /** Whether the connection can take another request. */
  reusable(): boolean
  /** Closes it in order: nothing of what is under way is lost. */
  close(): void
  destroy(): void
}

export function waysToLeave(protocol: Protocol): readonly Leaving[] {
  return protocol === 'http/1.1' ? ['FIN', 'RST'] : ['RST_STREAM', 'FIN', 'RST']
}

export function openWire(url: string, protocol: Protocol): Promise<Wire> {
  return protocol === 'http/1.1' ? overHttp1(url) : overHttp2(url)
}

export function openRaw(url: string): Promise<RawClient> {
  const { hostname, port, protocol } = new URL(url)
  return rawClient({ host: hostname, port: Number(port), tls: protocol === 'https:' })
}

/** The head of an HTTP/1.1 request, as it goes on the wire. */
export function requestHead({ method = 'GET', path, headers, body, announced }: WireRequest): string {
  const lines = [`${method} ${path} HTTP/1.1`, 'Host: 127.0.0.1']
  for (const [name, value] of Object.entries(headers ?? {})) lines.push(`${name}: ${value}`)
  if (body !== undefined) lines.push(`Content-Length: ${announced ?? Buffer.byteLength(body)}`)
  return `${lines.join('\r\n')}\r\n\r\n`
}

/** Who is waiting for how much of a body. */
function progress() {
  let bytes = 0
  const waiting = new Set<{ predicate: (bytes: number) => boolean; reached: () => void }>()
  return {
    at(total: number) {
      bytes = total
      for (const waiter of waiting) {
        if (!waiter.predicate(bytes)) continue
        waiting.delete(waiter)
        waiter.reached()
      }
    },
    until(predicate: (bytes: number) => boolean, description: string): Promise<void> {
      const reached = new Promise<void>((resolve) => {
        waiting.add({ predicate, reached: resolve })
      })
      return within(reached, () => `${description}; ${bytes} bytes of the body have come`)
    },
  }
}

async function overHttp1(url: string): Promise<Wire> {
  const client = await openRaw(url)
  let open = true
  client.closed.then(
    () => {
      open = false
    },
    () => {},
  )

  function request(wireRequest: WireRequest): Exchange {
    const { at, until } = progress()
    let onStatus: (status: number) => void = () => {}
    const status = new Promise<number>((resolve, reject) => {
      onStatus = resolve
      client.closed.then(
        () => reject(new Error('the connection closed before the head of a response')),
        reject,
      )
    })
    const reply = client
      .response({
        method: wireRequest.method ?? 'GET',
        onHead: (head) => onStatus(head.status),
        onBody: at,
      })
      .then((response) => ({ ...response, informational: response.informational.map((head) => head.status) }))
    // Not every case asks for both of them.
    status.catch(() => {})
    reply.catch(() => {})
    const { body = '' } = wireRequest
    // In one piece: whether a runtime gets the body with the head or after it would otherwise be a matter of luck.
    void client.send(Buffer.concat([Buffer.from(requestHead(wireRequest)), Buffer.from(body)]))
    return {
      status,
      reply,
      until,
      async holdAfter(bytes) {
        await within(client.pauseAfter(bytes), `${bytes} bytes`)
      },
      resume: client.resume,
      leave(way) {
        if (way === 'RST') client.reset()
        else client.destroy()
      },
    }
  }

  return { request, reusable: () => open, close: client.fin, destroy: client.destroy }
}

async function overHttp2(url: string): Promise<Wire> {
  const client = await http2Client(url)

  function request(wireRequest: WireRequest): Exchange {
    const { at, until } = progress()
    const stream = client.request(wireRequest)
    let received = 0
    let hold: { at: number; reached: () => void } | undefined
    const status = new Promise<number>((resolve, reject) => {
      stream.once('response', (headers) => resolve(Number(headers[':status'])))
      stream.once('close', () => reject(new Error(`the stream closed before a response: ${stream.rstCode}`)))
    })
    const reply = within(
      readReply(stream, wireRequest.announced !== undefined, (bytes) => {
        received = bytes
        at(bytes)
        if (hold === undefined || bytes < hold.at) return
        stream.pause()
        hold.reached()
        hold = undefined
      }),
      'a whole response',
    )
    status.catch(() => {})
    reply.catch(() => {})
    return {
      status,
      reply,
      until,
      async holdAfter(bytes) {
        const held = new Promise<void>((resolve) => {
          hold = { at: received + bytes, reached: resolve }
        })
        await within(held, `${bytes} bytes`)
      },
      resume() {
        stream.resume()
      },
      leave(way) {
        if (way === 'RST_STREAM') client.cancel(stream)
        else if (way === 'RST') client.reset()
        else client.destroy()
      },
    }
  }

  return {
    request,
    reusable: () => client.reusable,
    close: () => void client.close(),
    destroy: client.destroy,
  }
}

/** @param isUploading whether the stream stays open on this side, whatever comes back */
function readReply(
  stream: ClientHttp2Stream,
  isUploading: boolean,
  onBody: (bytes: number) => void,
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = []
    const informational: number[] = []
    let bytes = 0
    let ended = false
    let head: IncomingHttpHeaders | undefined
    stream.on('headers', (headers) => informational.push(Number(headers[':status'])))
    stream.on('response', (headers) => {
      head = headers
    })
    stream.on('data', (piece: Buffer) => {
      pieces.push(piece)
      bytes += piece.length
      onBody(bytes)
    })
    stream.on('end', () => {
      ended = true
      if (isUploading) over()
    })
    // An error is followed by a close, which tells the same.
    stream.on('error', () => {})
    stream.on('close', over)
    function over(): void {
      if (head === undefined) return reject(new Error(`no response: stream closed: ${stream.rstCode}`))
      const headers = new Map<string, string>()
      for (const [name, value] of Object.entries(head)) {
        if (!name.startsWith(':')) headers.set(name, Array.isArray(value) ? value.join(', ') : String(value))
      }
      // Node takes a stream that the server closes after its response for an aborted one, if its upload goes on.
      const isWhole = isUploading ? String(bytes) === headers.get('content-length') : !stream.aborted
      const complete = ended && isWhole && !stream.rstCode
      resolve({
        status: Number(head[':status']),
        headers,
        body: Buffer.concat(pieces),
        complete,
        informational,
      })
    }
  })
}
