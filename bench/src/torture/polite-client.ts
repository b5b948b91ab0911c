import { Agent, get } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { quantile } from '../numbers.ts'

/** How a client that does nothing wrong fared meanwhile. */
export interface Politeness {
  readonly asked: number
  readonly answered: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
  readonly complaints: readonly string[]
}

const EVERY_MS = 50
const PATIENCE_MS = 10_000

/** Asks for `/ok` every 50 ms until it is told to stop; by turns over a connection that it keeps, and over a new one. */
export function politeClient(port: number): { stop(): Promise<Politeness> } {
  const kept = new Agent({ keepAlive: true, maxSockets: 1 })
  const latencies: number[] = []
  const complaints: string[] = []
  const running = new Set<Promise<void>>()
  let asked = 0
  let stopped = false

  async function ask(number: number): Promise<void> {
    const started = performance.now()
    try {
      const { status, body } = await answered(port, number, number % 2 === 0 ? kept : false)
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
      kept.destroy()
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

function answered(
  port: number,
  number: number,
  agent: Agent | false,
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(PATIENCE_MS)
    const path = `/ok/0?id=p.${number}`
    const request = get({ host: '127.0.0.1', port, path, agent, signal }, (response) => {
      let body = ''
      response.setEncoding('latin1')
      response.on('data', (chunk: string) => {
        body += chunk
      })
      response.on('end', () => resolve({ status: response.statusCode!, body }))
      response.on('error', reject)
    })
    request.on('error', reject)
  })
}
