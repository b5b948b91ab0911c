import type { Plan } from '../plan.ts'
import type { Runtime } from '../runtimes.ts'
import type { Family } from './serve.ts'
import { startServer } from './server-process.ts'
import { HOST, type Path, paths } from './work.ts'
import { warmUp, wrk } from './wrk.ts'

/** Under load from `wrk`. */
export interface WireRun {
  readonly perSecond: number
  /** Of the server's processor time, in microseconds a request. */
  readonly cpuMicros: number
  readonly p50Micros: number
  readonly p99Micros: number
  readonly p999Micros: number
}

/** By runtime, family, path and server: each run. */
export type WireResults = Record<string, Record<string, Record<string, Record<string, WireRun[]>>>>

/** The servers of a family, the one that nobody guards first. */
export const serversOf: Record<Family, readonly string[]> = {
  'node:http': ['bare', 'guardListener()'],
  Hono: [
    'bare',
    'guard() around it',
    'serve({ timeoutMs })',
    'serve() and curfew()',
    'Hono timeout()',
    'Promise.race, AbortSignal.any',
  ],
  Express: ['bare', 'curfew()', 'connect-timeout', 'express-timeout-handler'],
  Koa: ['bare', 'curfew()'],
  Fastify: ['bare', 'curfew()', 'handlerTimeout'],
  hapi: ['bare', 'timeout.server'],
}

/** Throughput, latency and processor time of whole servers; a new process each time, one run of all after the other. */
export async function wire(plan: Plan): Promise<WireResults> {
  const results: WireResults = {}
  for (const runtime of plan.serving) {
    results[runtime.name] = {}
    for (const family of familiesOn(runtime)) {
      const byPath: Record<string, Record<string, WireRun[]>> = {}
      results[runtime.name]![family] = byPath
      for (let round = 0; round < plan.rounds; round++) {
        plan.say(`wire: ${runtime.name}, ${family}, run ${round + 1} of ${plan.rounds}`)
        for (const server of serversOf[family]) {
          const measured = await measure(runtime, family, server)
          for (const [path, wireRun] of Object.entries(measured)) {
            byPath[path] ??= {}
            byPath[path][server] ??= []
            byPath[path][server].push(wireRun)
          }
        }
      }
    }
  }
  return results
}

function familiesOn({ name }: Runtime): Family[] {
  return name.startsWith('Node') ? (Object.keys(serversOf) as Family[]) : ['Hono']
}

async function measure(
  runtime: Runtime,
  family: Family,
  server: string,
): Promise<Partial<Record<Path, WireRun>>> {
  const { port, cpuMicros, stop } = await startServer(runtime, { family, server })
  const runs: Partial<Record<Path, WireRun>> = {}
  try {
    for (const path of ['async', 'sync'] satisfies Path[]) {
      if (path === 'sync' && family !== 'Hono') continue
      const url = `http://${HOST}:${port}${paths[path]}`
      await warmUp(url)
      const before = await cpuMicros()
      const load = await wrk(url)
      const cpu = (await cpuMicros()) - before
      if (load.errors > 0) throw new Error(`${runtime.name}, ${family}, ${server}: ${load.errors} errors`)
      runs[path] = {
        perSecond: (load.requests * 1e6) / load.micros,
        cpuMicros: cpu / load.requests,
        p50Micros: load.p50,
        p99Micros: load.p99,
        p999Micros: load.p999,
      }
    }
  } finally {
    await stop()
  }
  return runs
}
