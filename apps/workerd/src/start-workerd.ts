import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import workerd from 'workerd'

const configFile = fileURLToPath(new URL('../config.capnp', import.meta.url))

export interface Workerd {
  readonly port: number
  /** Its exit code; 0 if it was told to stop. */
  readonly exited: Promise<number>
  /** Lets requests finish for so many milliseconds. */
  stop(graceMs: number): void
}

/** Starts the registry's own workerd, which writes to the stdout and stderr of this process, and waits until it listens. */
export async function startWorkerd({
  address,
  config,
  env,
}: {
  address: string
  config: string
  env: Record<string, string>
}): Promise<Workerd> {
  const args = ['serve', '--control-fd=3', `--socket-addr=http=${address}`, configFile, config]
  const child = spawn(workerd.default, args, { env, stdio: ['ignore', 'inherit', 'inherit', 'pipe'] })
  let stopping = false
  const exited = once(child, 'exit').then(([code]) => (stopping ? 0 : (code ?? 1)))
  const killAtExit = (): boolean => child.kill('SIGKILL')
  process.once('exit', killAtExit)
  return {
    port: await portOf(child),
    exited,
    stop(graceMs) {
      stopping = true
      child.kill('SIGTERM')
      setTimeout(killAtExit, graceMs).unref()
    },
  }
}

/** workerd tells it on its own channel, a line of JSON for each socket. */
async function portOf(child: ChildProcess): Promise<number> {
  for await (const line of createInterface({ input: child.stdio[3] as Readable })) {
    const { event, port } = JSON.parse(line)
    if (event === 'listen') return port
  }
  throw new Error(`workerd does not listen: exit code ${child.exitCode}`)
}
