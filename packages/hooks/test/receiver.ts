import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

/** A request as it came. */
export interface Received {
  readonly headers: IncomingHttpHeaders
  readonly path: string
  readonly body: string
  /** Milliseconds, on a clock that never goes back. */
  readonly at: number
}

export type Answer = (response: ServerResponse, request: IncomingMessage) => void

/** Who gets what a webhook sends, on a real socket. The answers are given in turn; the last one goes on. */
export class Receiver {
  readonly received: Received[] = []
  /** How many requests have neither been answered nor lost their connection. */
  underWay = 0
  /** How many they were, at most. */
  busiest = 0
  private readonly answers: Answer[]
  private readonly waiting: { count: number; resolve: () => void }[] = []
  private readonly server = createServer((request, response) => this.take(request, response))

  static async start(...answers: readonly Answer[]): Promise<Receiver> {
    const receiver = new Receiver(answers)
    await receiver.listen(0)
    onTestFinished(() => receiver.stop())
    return receiver
  }

  private constructor(answers: readonly Answer[]) {
    this.answers = [...answers]
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/services/T012345678/secret-token`
  }

  /** Resolves when so many requests have come. */
  async reached(count: number): Promise<readonly Received[]> {
    if (this.received.length < count) {
      await new Promise<void>((resolve) => this.waiting.push({ count, resolve }))
    }
    return this.received
  }

  private listen(port: number): Promise<void> {
    return new Promise((resolve) => this.server.listen(port, '127.0.0.1', resolve))
  }

  async stop(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.server.close(() => resolve())
      this.server.closeAllConnections()
    })
  }

  private take(request: IncomingMessage, response: ServerResponse): void {
    const chunks: Buffer[] = []
    this.busiest = Math.max(this.busiest, ++this.underWay)
    response.once('close', () => this.underWay--)
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { headers, url: path = '' } = request
      this.received.push({ headers, path, body: Buffer.concat(chunks).toString(), at: performance.now() })
      const answer = this.answers.length > 1 ? this.answers.shift() : this.answers[0]
      answer?.(response, request)
      for (const { count, resolve } of this.waiting) if (this.received.length >= count) resolve()
    })
  }
}

export function reply(status = 200, body = '', headers: Record<string, string> = {}): Answer {
  return (response) => response.writeHead(status, headers).end(body)
}

export const hang: Answer = () => {}

export const reset: Answer = (response) => {
  response.socket?.resetAndDestroy()
}

/** The head, ten of a hundred bytes, and then a reset. */
export function resetMidway(status = 200): Answer {
  return (response) => {
    response.writeHead(status, { 'content-length': '100' })
    response.write('0123456789', () => response.socket?.resetAndDestroy())
  }
}

/** The head, ten of a hundred bytes, and then nothing. */
export function drip(status = 200): Answer {
  return (response) => {
    response.writeHead(status, { 'content-length': '100' })
    response.write('0123456789')
  }
}

export const garbage: Answer = (response) => {
  response.socket?.end('SSH-2.0-OpenSSH_9.6\r\n\u0000\u0001\u0002')
}

/** A port that nobody listens on. */
export async function closedPort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise<unknown>((resolve) => server.close(resolve))
  return port
}
