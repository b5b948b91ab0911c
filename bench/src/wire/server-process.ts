import { once } from 'node:events'
import { start } from '../child.ts'
import type { Runtime } from '../runtimes.ts'
import type { ServeArgs } from './serve.ts'

/** A server in a process of its own. */
export interface ServerProcess {
  readonly port: number
  /** How long it has computed so far, in microseconds. */
  cpuMicros(): Promise<number>
  stop(): Promise<void>
}

export async function startServer(runtime: Runtime, args: ServeArgs): Promise<ServerProcess> {
  const { process: child, lines } = start(runtime, 'wire/serve.js', args)
  const ended = once(child, 'close')
  const next = async (): Promise<number> => {
    const { value, done } = await lines.next()
    if (done) throw new Error(`${runtime.name}, ${args.family}, ${args.server}: the server has ended`)
    return JSON.parse(value)
  }
  const port = await next()
  return {
    port,
    cpuMicros() {
      child.stdin!.write('\n')
      return next()
    },
    async stop() {
      child.kill('SIGKILL')
      await ended
    },
  }
}
