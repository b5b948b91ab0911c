import { run } from '../child.ts'
import type { Plan } from '../plan.ts'
import { type Runtime, thisNode } from '../runtimes.ts'
import type { Family } from '../wire/serve.ts'
import { startServer } from '../wire/server-process.ts'
import type { ClientsArgs, ClientsResult } from './clients.ts'

export interface LoadRun extends ClientsResult {
  /** Of the server's processor time, in microseconds a request, answered or not. */
  readonly cpuMicros: number
}

/** By runtime, server and scenario: each run. */
export type LoadResults = Record<string, Record<string, Record<string, LoadRun[]>>>

/** Who else there is. What is never answered comes last: it goes on. */
export const scenarios: Record<string, Pick<ClientsArgs, 'leaving' | 'unanswered'>> = {
  'all stay': { leaving: 0, unanswered: 0 },
  '1 % leave': { leaving: 0.01, unanswered: 0 },
  '20 % leave': { leaving: 0.2, unanswered: 0 },
  '1 % are never answered': { leaving: 0, unanswered: 0.01 },
}

const CONNECTIONS = 64

/** The one that nobody guards first in each family. */
const onNode: [Family, string][] = [
  ['node:http', 'bare'],
  ['node:http', 'guardListener()'],
  ['Hono', 'bare'],
  ['Hono', 'serve({ timeoutMs })'],
  ['Hono', 'Hono timeout()'],
]

/** What becomes of the others when some clients leave, or some handlers never answer. Each handler takes 2 ms. */
export async function load({ serving, loadRounds, loadSeconds, say }: Plan): Promise<LoadResults> {
  const results: LoadResults = {}
  for (const runtime of serving) {
    const byServer: LoadResults[string] = {}
    results[runtime.name] = byServer
    const servers = onNode.filter(([family]) => family === 'Hono' || runtime.name.startsWith('Node'))
    for (let round = 0; round < loadRounds; round++) {
      say(`load: ${runtime.name}, run ${round + 1} of ${loadRounds}`)
      for (const [family, server] of servers) {
        const name = `${family}, ${server}`
        byServer[name] ??= Object.fromEntries(Object.keys(scenarios).map((scenario) => [scenario, []]))
        const runs = await measure(runtime, family, server, loadSeconds)
        for (const [scenario, loadRun] of Object.entries(runs)) byServer[name][scenario]!.push(loadRun)
      }
    }
  }
  return results
}

async function measure(
  runtime: Runtime,
  family: Family,
  server: string,
  seconds: number,
): Promise<Record<string, LoadRun>> {
  const { port, cpuMicros, stop } = await startServer(runtime, { family, server })
  const clients = (args: Omit<ClientsArgs, 'port' | 'connections'>) =>
    run<ClientsResult>(thisNode, 'load/clients.js', { port, connections: CONNECTIONS, ...args })
  const runs: Record<string, LoadRun> = {}
  try {
    await clients({ seconds: seconds / 2, leaving: 0, unanswered: 0 })
    for (const [scenario, shares] of Object.entries(scenarios)) {
      const before = await cpuMicros()
      const result = await clients({ seconds, ...shares })
      runs[scenario] = { ...result, cpuMicros: ((await cpuMicros()) - before) / result.asked }
    }
  } finally {
    await stop()
  }
  return runs
}
