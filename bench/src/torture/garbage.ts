import { random } from './random.ts'

const dice = random(1, 1)
const noise = Uint8Array.from({ length: 300 }, () => dice.between(0, 255))

interface Garbage {
  readonly send: (path: string) => string | Uint8Array
  /** Node lets it pass, or notices when its handler is at work already. */
  readonly tolerated?: true
}

/** What is no request of HTTP/1.1: unless it is tolerated, nothing of it may reach a handler. */
export const garbage: readonly Garbage[] = [
  { send: () => 'GARBAGE\r\n\r\n' },
  { send: (path) => `GET ${path}\r\n\r\n`, tolerated: true },
  { send: (path) => `GET ${path} HTTP/9.9\r\nHost: x\r\n\r\n` },
  { send: (path) => `GET ${path} HTTP/1.1\r\nHost: x\r\nno colon here\r\n\r\n` },
  { send: (path) => `GET ${path} HTTP/1.1\r\nHost: x\r\nName with space: x\r\n\r\n` },
  { send: (path) => `GET ${path} HTTP/1.1\r\nHost: x\r\nX-Null: a\0b\r\n\r\n` },
  { send: (path) => `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n\r\n` },
  { send: (path) => `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\nhello` },
  {
    send: (path) =>
      `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!`,
  },
  {
    send: (path) => `POST ${path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: nonsense\r\n\r\nhello`,
    tolerated: true,
  },
  { send: (path) => `GET ${path} HTTP/1.1\r\nHost: x\r\nX-Huge: ${'h'.repeat(80_000)}\r\n\r\n` },
  // The hello of a TLS client.
  { send: () => Uint8Array.from([0x16, 3, 1, 0, 0xa5, 1, 0, 0, 0xa1, 3, 3, ...new Uint8Array(160)]) },
  // Not quite the hello of a client of HTTP/2.
  { send: () => 'PRI * HTTP/2.0\r\n\r\nNO\r\n\r\n' },
  { send: () => noise },
]
