import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2'
import { connect as connectTcp } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { within } from './within.ts'

export type Http2Request = {
  readonly method?: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
  /** The length that its head tells, if that is not all that is sent: then the stream stays open for the rest. */
  readonly announced?: number
}

export type Http2Client = {
  readonly session: ClientHttp2Session
  /** Opens a stream. What comes back is the stream itself: `close(NGHTTP2_CANCEL)` resets it. */
  request(request: Http2Request): ClientHttp2Stream
  /** The RST_STREAM of a client that has lost interest. */
  cancel(stream: ClientHttp2Stream): void
  /** Whether the server has asked for another connection, or this one is gone. */
  readonly reusable: boolean
  /** Ends the connection once its streams have ended. */
  close(): Promise<void>
  /** Closes the TCP connection under all streams. */
  destroy(): void
  /** Resets it. */
  reset(): void
}

/** One HTTP/2 connection, over TLS for `https:` and with prior knowledge for `http:`. */
export async function http2Client(url: string): Promise<Http2Client> {
  const { hostname, port, protocol } = new URL(url)
  const tcp = connectTcp({ host: hostname, port: Number(port), noDelay: true })
  const session = connect(url, {
    createConnection: () =>
      protocol === 'https:'
        ? connectTls({ socket: tcp, rejectUnauthorized: false, ALPNProtocols: ['h2'] })
        : tcp,
  })
  let goneAway = false
  session.on('goaway', () => {
    goneAway = true
  })
  await within(
    new Promise<void>((resolve, reject) => {
      session.once('connect', () => resolve())
      session.once('error', reject)
      tcp.once('error', reject)
    }),
    `an HTTP/2 connection to ${url}`,
  )
  // From here on an error ends the streams, and it is these that say so.
  session.on('error', () => {})
  tcp.on('error', () => {})

  return {
    session,
    request({ method = 'GET', path, headers, body, announced }) {
      const length = announced === undefined ? {} : { 'content-length': announced }
      const stream = session.request(
        { ':method': method, ':path': path, ...headers, ...length },
        { endStream: body === undefined },
      )
      if (announced !== undefined) stream.write(body)
      else if (body !== undefined) stream.end(body)
      return stream
    },
    cancel(stream) {
      stream.close(constants.NGHTTP2_CANCEL)
    },
    get reusable() {
      return !(goneAway || session.closed || session.destroyed)
    },
    close() {
      return new Promise((resolve) => {
        if (session.destroyed) return resolve()
        session.close(() => resolve())
      })
    },
    destroy() {
      tcp.destroy()
      session.destroy()
    },
    reset() {
      tcp.resetAndDestroy()
      session.destroy()
    },
  }
}
