import { connect, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { byteQueue, type Closing } from './byte-queue.ts'
import { type RawResponse, type ReadOptions, readResponse } from './read-response.ts'
import { within } from './within.ts'

export type RawClientOptions = {
  readonly host: string
  readonly port: number
  /** Any certificate is taken: it is the server's own. */
  readonly tls?: boolean
}

/** A connection that sends what it is told to, bit by bit, and leaves as rudely as it is told to. */
export type RawClient = {
  /** Resolves once the bytes are the kernel's, or the connection is gone: `closed` tells. */
  send(data: string | Uint8Array): Promise<void>
  /** Half-close: nothing more is sent, what comes is still read. */
  fin(): void
  /** RST: what is under way in both directions is lost. */
  reset(): void
  /** Closes both directions. The kernel makes a FIN of it, or an RST when bytes were left unread. */
  destroy(): void
  pause(): void
  resume(): void
  /** Stops reading `bytes` from now, or a piece later, and resolves when it has. */
  pauseAfter(bytes: number): Promise<void>
  /** The next response, one at a time: calls queue up, as pipelined responses do. */
  response(options?: ReadOptions): Promise<RawResponse>
  /** What is left until the connection closes: nothing, unless something was written twice. */
  rest(): Promise<Buffer>
  readonly closed: Promise<Closing>
}

export async function rawClient(options: RawClientOptions): Promise<RawClient> {
  const tcp = connect({ host: options.host, port: options.port, allowHalfOpen: true, noDelay: true })
  const socket = options.tls ? overTls(tcp) : tcp
  const queue = byteQueue()
  let failure: Error | undefined
  let wasReset = false
  let received = 0
  let hold: { at: number; reached: () => void } | undefined

  const closed = new Promise<Closing>((resolve) => {
    socket.on('close', () => {
      const how = wasReset || failure ? 'reset' : 'fin'
      queue.end(how)
      resolve(how)
    })
  })
  socket.on('error', (error) => {
    failure = error
  })
  socket.on('data', (bytes) => {
    received += bytes.length
    queue.push(bytes)
    if (hold !== undefined && received >= hold.at) {
      socket.pause()
      hold.reached()
      hold = undefined
    }
  })
  socket.on('end', () => {
    queue.end('fin')
    socket.end()
  })
  await within(
    new Promise<void>((resolve, reject) => {
      socket.once(options.tls ? 'secureConnect' : 'connect', resolve)
      socket.once('error', reject)
    }),
    `connect to ${options.host}:${options.port}`,
  )

  let turn: Promise<unknown> = Promise.resolve()
  function inTurn<T>(read: () => Promise<T>): Promise<T> {
    const result = turn.then(read)
    turn = result.catch(() => {})
    return result
  }

  return {
    async send(data) {
      if (socket.destroyed) return
      const written = new Promise<void>((resolve) => {
        socket.write(data, () => resolve())
      })
      await Promise.race([written, closed])
    },
    fin() {
      socket.end()
    },
    reset() {
      wasReset = true
      // The TCP socket under TLS: a TLSSocket refuses to be reset.
      tcp.resetAndDestroy()
      socket.destroy()
    },
    destroy() {
      socket.destroy()
    },
    pause() {
      socket.pause()
    },
    resume() {
      socket.resume()
    },
    pauseAfter(bytes) {
      return new Promise((resolve) => {
        hold = { at: received + bytes, reached: resolve }
      })
    },
    response(readOptions = {}) {
      return inTurn(() =>
        within(readResponse(queue, readOptions), () => `a whole response; ${received} bytes have come`),
      )
    },
    rest() {
      return inTurn(async () => {
        const pieces: Buffer[] = []
        async function readOn(): Promise<void> {
          while (await queue.hasMore()) pieces.push((await queue.take(Number.POSITIVE_INFINITY))!)
        }
        await within(readOn(), () => `the end of the connection; it brought ${Buffer.concat(pieces)}`)
        return Buffer.concat(pieces)
      })
    },
    closed,
  }
}

function overTls(tcp: Socket): TLSSocket {
  const socket = connectTls({ socket: tcp, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] })
  // A reset of the TCP socket is not always told to the TLS one.
  tcp.on('close', () => socket.destroy())
  tcp.on('error', (error) => socket.destroy(error))
  return socket
}
