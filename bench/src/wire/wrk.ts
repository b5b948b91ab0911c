import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/** What `wrk` saw: latencies in microseconds. */
export interface Load {
  readonly requests: number
  readonly micros: number
  readonly p50: number
  readonly p99: number
  readonly p999: number
  readonly errors: number
}

const script = fileURLToPath(new URL('../../wrk.lua', import.meta.url))

/** Asks as fast as there are answers, over so many connections, each waiting for its answer. */
export async function wrk(url: string, seconds: number, connections = 32): Promise<Load> {
  const { stdout } = await promisify(execFile)('wrk', [
    '--threads=1',
    `--connections=${connections}`,
    // It counts whole seconds.
    `--duration=${Math.max(1, Math.round(seconds))}s`,
    `--script=${script}`,
    url,
  ])
  return JSON.parse(stdout.trim().split('\n').at(-1)!)
}
