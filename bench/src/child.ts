import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Runtime } from './runtimes.ts'

/** Starts a script of this folder. What it has to say it prints, in JSON, a line each. */
export function start(
  runtime: Runtime,
  script: string,
  args: unknown,
  {
    heapMb,
    env = {},
    quiet = false,
  }: { heapMb?: number; env?: Record<string, string>; quiet?: boolean } = {},
): { process: ChildProcess; lines: AsyncIterableIterator<string>; said: () => string } {
  const path = fileURLToPath(new URL(script, import.meta.url))
  const child = spawn(runtime.command, [...runtime.args(heapMb), path, JSON.stringify(args)], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  })
  // Runtimes have advice to give, which matters only if something goes wrong.
  let complaints = ''
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    complaints = (complaints + text).slice(-4_000)
  })
  child.on('close', (code) => {
    if (code && !quiet) console.error(complaints)
  })
  const lines = createInterface(child.stdout!)[Symbol.asyncIterator]()
  return { process: child, lines, said: () => complaints }
}

/** Runs a script of this folder to its end, and gives what it printed last. */
export async function run<Result>(...from: Parameters<typeof start>): Promise<Result> {
  const { process: child, lines } = start(...from)
  const ended = once(child, 'close')
  let last = ''
  for await (const line of lines) last = line
  const [code, signal] = await ended
  if (code !== 0)
    throw new Error(`${from[0].name}, ${from[1]} ${JSON.stringify(from[2])}: ended by ${code ?? signal}`)
  return JSON.parse(last)
}

/** What a script was started with. */
export function given<Args>(): Args {
  return JSON.parse(process.argv[2]!)
}

/** The last that a script does: its result. Servers and timers may be left. */
export function done(result: unknown): void {
  // Only once all of it has left: what is long does not at once.
  process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit())
}
