import { readdirSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { given } from '../child.ts'
import { makeKit, type Serve, type State } from './kit.ts'

export interface TargetArgs {
  readonly module: string
  readonly limitMs: number
  readonly log: string
  /** That of a target that is started again. */
  readonly port?: number
}

/** What is left in a process that does nothing. */
export interface Rest {
  readonly heapBytes: number
  readonly rssBytes: number
  /** File descriptors that are open. */
  readonly files: number
  /** What keeps the event loop busy, by kind, where the runtime tells. */
  readonly resources: Readonly<Record<string, number>>
  /** Of processor time in a second of doing nothing. */
  readonly idleCpuMs: number
}

export type Command = 'release' | 'state' | 'rest'

const args = given<TargetArgs>()
const { kit, control } = makeKit(args)
const { serve }: { serve: Serve } = await import(`./targets/${args.module}.js`)
const listening = await serve(kit)
control.listens(listening)
console.log(JSON.stringify({ port: listening.port }))

const answers: Record<Command, () => unknown> = {
  release: () => control.release(),
  state(): Promise<State> {
    // Handlers that say by nothing that they are done are forgotten with their responses.
    collect()
    return control.state()
  },
  rest,
}

const lines = createInterface(process.stdin)
lines.on('line', async (line) => {
  console.log(JSON.stringify((await answers[line as Command]()) ?? null))
})
lines.on('close', () => process.exit())

async function rest(): Promise<Rest> {
  for (let i = 0; i < 5; i++) {
    collect()
    await sleep(20)
  }
  const { heapUsed: heapBytes, rss: rssBytes } = process.memoryUsage()
  const resources: Record<string, number> = {}
  for (const kind of process.getActiveResourcesInfo?.() ?? []) resources[kind] = (resources[kind] ?? 0) + 1
  const before = process.cpuUsage()
  await sleep(1_000)
  const { user, system } = process.cpuUsage(before)
  return { heapBytes, rssBytes, files: openFiles(), resources, idleCpuMs: (user + system) / 1_000 }
}

function collect(): void {
  const { gc, Bun } = globalThis as { gc?: () => void; Bun?: { gc(now: boolean): void } }
  if (Bun) Bun.gc(true)
  else gc?.()
}

function openFiles(): number {
  try {
    return readdirSync('/proc/self/fd').length
  } catch {
    return 0
  }
}
