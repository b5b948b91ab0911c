import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Told } from './service.ts'

export interface Service {
  readonly url: string
  stop(): Promise<void>
}

export type Runtime = 'Node' | 'Bun' | 'Deno'

interface Command {
  readonly file: string
  readonly command: string
  readonly args: readonly string[]
}

/** How each runtime runs a file. */
const commands: Readonly<Record<Runtime, Command>> = {
  Node: { file: 'on-node.js', command: process.execPath, args: [] },
  Bun: { file: 'on-bun.js', command: binary('bun'), args: ['run'] },
  Deno: {
    file: 'on-deno.js',
    command: binary('deno'),
    // Without the last one Deno says in a warning that it aborts the signals of requests that were answered, too.
    args: [
      'run',
      `--config=${fileURLToPath(new URL('../../../deno.json', import.meta.url))}`,
      '--allow-net',
      '--allow-env',
      '--allow-read',
      '--unstable-no-legacy-abort',
    ],
  },
}

/** Starts a service in a process of its own, and hands on all that it tells. */
export async function startService(
  runtime: Runtime,
  environment: Record<string, string>,
  onTold: (told: Told) => void,
): Promise<Service> {
  const { file, command, args } = commands[runtime]
  // In a group of its own, for what npm installs as bun and deno are shims that start the real ones.
  const child = spawn(command, [...args, fileURLToPath(new URL(file, import.meta.url))], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  })
  const exited = once(child, 'exit')
  const kill = (): void => {
    try {
      process.kill(-child.pid!, 'SIGKILL')
    } catch {
      // Nobody of the group is left.
    }
  }
  process.once('exit', kill)

  const url = await new Promise<string>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`${runtime} did not start: ${code}`)))
    createInterface(child.stdout).on('line', (line) => {
      const told: Told = JSON.parse(line)
      if (told.event === 'listening') resolve(told.what)
      onTold(told)
    })
  })
  return {
    url,
    async stop() {
      kill()
      await exited
      process.off('exit', kill)
    },
  }
}

function binary(name: string): string {
  return fileURLToPath(new URL(`../node_modules/.bin/${name}`, import.meta.url))
}
