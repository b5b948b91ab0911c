import { once } from 'node:events'
import { Agent, get } from 'node:http'
import { type ClientHttp2Session, connect } from 'node:http2'
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { quantile } from '../numbers.ts'
import type { Target } from './targets.ts'

/** How a client that does nothing wrong fared meanwhile. */
export interface Politeness {
  readonly asked: number
  readonly answered: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
  readonly complaints: readonly string[]
}

const HOST = '127.0.0.1'
const EVERY_MS = 50
const PATIENCE_MS = 10_000

/** Asks for `/ok` every 50 ms until it is told to stop; by turns over a connection that it keeps, and over a new one. */
export function politeClient(port: number, protocol: Target['protocol']): { stop(): Promise<Politeness> } {
  const asking = protocol === 'http/1.1' ? overHttp1(port) : overHttp2(port)
  const latencies: number[] = []
  const complaints: string[] = []
  const running = new Set<Promise<void>>()
  let asked = 0
  let stopped = false

  async function ask(number: number): Promise<void> {
    const started = performance.now()
    try {
      const { status, body } = await asking.ask(`/ok/0?id=p.${number}`, number % 2 === 0)
      if (status !== 200 || body !== `ok p.${number}\n`) throw new Error(`${status}: ${body}`)
      latencies.push(performance.now() - started)
    } catch (error) {
      complaints.push(`p.${number}: ${error}`)
    }
  }

  async function askOnAndOn(): Promise<void> {
    while (!stopped) {
      const one = ask(asked++)
      running.add(one)
      void one.then(() => running.delete(one))
      await sleep(EVERY_MS)
    }
    await Promise.all(running)
  }
  const over = askOnAndOn()

  return {
    async stop() {
      stopped = true
      await over
      asking.end()
      latencies.sort((a, b) => a - b)
      return {
        asked,
        answered: latencies.length,
        p50Ms: quantile(latencies, 0.5),
        p99Ms: quantile(latencies, 0.99),
        maxMs: latencies.at(-1) ?? 0,
        complaints: complaints.slice(0, 5),
      }
    },
  }
}

interface Reply {
  readonly status: number
  readonly body: string
}

interface Asking {
  /** @param kept over the connection that is kept, instead of a new one */
  ask(path: string, kept: boolean): Promise<Reply>
  end(): void
}

function overHttp1(port: number): Asking {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  return {
    end: () => agent.destroy(),
    ask: (path, kept) =>
      new Promise((resolve, reject) => {
        const signal = AbortSignal.timeout(PATIENCE_MS)
        const request = get({ host: HOST, port, path, agent: kept && agent, signal }, (response) => {
          resolve(read(response, response.statusCode!))
        })
        request.on('error', reject)
      }),
  }
}

function overHttp2(port: number): Asking {
  let kept: ClientHttp2Session | undefined
  const open = (): ClientHttp2Session => {
    const session = connect(`http://${HOST}:${port}`)
    // Its streams tell it, too.
    session.on('error', () => {})
    return session
  }
  return {
    end: () => kept?.destroy(),
    async ask(path, isKept) {
      if (!kept || kept.closed || kept.destroyed) kept = open()
      const session = isKept ? kept : open()
      try {
        const stream = session.request({ ':path': path }, { signal: AbortSignal.timeout(PATIENCE_MS) })
        const [headers] = await once(stream, 'response')
        return await read(stream, headers[':status'])
      } finally {
        if (!isKept) session.destroy()
      }
    },
  }
}

async function read(stream: Readable, status: number): Promise<Reply> {
  let body = ''
  for await (const chunk of stream) body += chunk
  return { status, body }
}
