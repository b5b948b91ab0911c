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

const run = promisify(execFile)
/** The shortest that there is: it counts whole seconds. */
const args = ['--threads=1', '--connections=32', '--duration=1s', `--script=${script}`]
const WARM_UP_MS = 400

/** For a second, asks as fast as there are answers, over connections that each wait for theirs. */
export async function wrk(url: string): Promise<Load> {
  const { stdout } = await run('wrk', [...args, url])
  return JSON.parse(stdout.trim().split('\n').at(-1)!)
}

/** The same, cut short. */
export async function warmUp(url: string): Promise<void> {
  await run('wrk', [...args, url], { timeout: WARM_UP_MS }).catch(({ killed, ...error }) => {
    if (!killed) throw new Error('wrk (of the package of that name) does not run', { cause: error })
  })
}
