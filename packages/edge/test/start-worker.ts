import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { expect, onTestFinished } from 'vitest'

// What npm calls workerd is a shim around this.
const binary: string = createRequire(import.meta.url)('workerd').default

export interface WorkerOptions {
  flags?: readonly string[]
  /** What `env` has. */
  bindings?: Readonly<Record<string, string>>
}

/** One line of JSON that the worker wrote to its console. */
export type Line = Readonly<Record<string, unknown>>

export interface Worker {
  readonly url: string
  readonly port: number
  readonly lines: readonly Line[]
  /** Resolves with the first line that has these members, as soon as it has been written. */
  line(members: Line): Promise<Line>
  /** All else that was written. */
  readonly noise: readonly string[]
}

/** Runs a module of `workers/` in the registry's own workerd until the test is over. */
export async function startWorker(name: string, options: WorkerOptions = {}): Promise<Worker> {
  const folder = await mkdtemp(join(tmpdir(), 'curfew-edge-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  await build({
    entryPoints: [fileURLToPath(new URL(`workers/${name}.ts`, import.meta.url))],
    outfile: join(folder, 'worker.js'),
    bundle: true,
    format: 'esm',
    conditions: ['curfew-source', 'workerd', 'worker'],
    external: ['cloudflare:*', 'node:*'],
    logLevel: 'error',
  })
  await writeFile(join(folder, 'config.capnp'), configOf(options))

  const child = spawn(binary, ['serve', '--control-fd=3', join(folder, 'config.capnp')], {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  })
  const exited = once(child, 'exit')
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await exited
  })
  const lines: Line[] = []
  const noise: string[] = []
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream! }).on('line', (line) => {
      if (line.startsWith('{')) lines.push(JSON.parse(line))
      else noise.push(line)
    })
  }
  const port = await portOf(child.stdio[3] as Readable, noise)
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    lines,
    noise,
    async line(members) {
      const found = (): Line | undefined =>
        lines.find((line) => Object.entries(members).every(([key, value]) => line[key] === value))
      const what = `a line with ${JSON.stringify(members)}`
      await expect.poll(found, { message: what, timeout: 10_000, interval: 10 }).toBeDefined()
      return found()!
    },
  }
}

function configOf({ flags = [], bindings = {} }: WorkerOptions): string {
  const list = (items: readonly string[]): string => `[${items.join(', ')}]`
  const bound = Object.entries(bindings).map(
    ([name, text]) => `(name = ${JSON.stringify(name)}, text = ${JSON.stringify(text)})`,
  )
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "worker", worker = (
      modules = [(name = "worker.js", esModule = embed "worker.js")],
      compatibilityDate = "2026-11-01",
      compatibilityFlags = ${list(flags.map((flag) => JSON.stringify(flag)))},
      bindings = ${list(bound)},
    )),
    (name = "internet", network = (allow = ["local"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "worker")],
);
`
}

async function portOf(control: Readable, noise: readonly string[]): Promise<number> {
  for await (const line of createInterface({ input: control })) {
    const { event, port } = JSON.parse(line)
    if (event === 'listen') return port
  }
  throw new Error(`workerd does not listen: ${noise.join('\n')}`)
}
