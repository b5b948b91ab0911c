import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { spread } from '../numbers.ts'
import type { Plan } from '../plan.ts'
import type { Runtime } from '../runtimes.ts'
import { makeCores } from './cores.ts'
import { type HandlerName, handlers } from './handlers.ts'
import type { OffArgs } from './measure.ts'
import { type Player, player } from './player.ts'
import { type VariantName, variants } from './variants.ts'

/** What a request costs, and how many times what it costs in the process that this one is compared with. */
export interface OffCost {
  readonly ns: number
  readonly ratio: number
  /** `null` where the engine does not tell. */
  readonly bytes: number | null
}

export type OffRun = Readonly<Record<VariantName, OffCost>>

/** By runtime and handler: each run. */
export type OffResults = Record<string, Record<string, OffRun[]>>

/** How often each process has its turn. */
const LAPS = 24

/** What features cost that are off. */
export async function off({ runtimes, rounds, caseMs, say }: Plan): Promise<OffResults> {
  const results: OffResults = {}
  const amounts = { warmUp: caseMs * 30, ms: caseMs / 3 }
  await withCores(async (folder) => {
    for (const runtime of runtimes) {
      const byHandler: Record<string, OffRun[]> = {}
      results[runtime.name] = byHandler
      for (const handler of Object.keys(handlers) as HandlerName[]) {
        const runs: OffRun[] = []
        byHandler[handler] = runs
        for (let round = 0; round < rounds; round++) {
          say(`off: ${runtime.name}, ${handler}, run ${round + 1} of ${rounds}`)
          runs.push(await compare(runtime, { handler, cores: folder, ...amounts }))
        }
      }
    }
  })
  return results
}

/** With all cores, which are there as long as they are needed. */
async function withCores(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'curfew-cores-'))
  try {
    await makeCores(folder)
    await work(`${pathToFileURL(folder)}/`)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** All are there at the same time, and have their turns one after the other: what slows one down does so to the next, too. */
async function compare(runtime: Runtime, args: Omit<OffArgs, 'variant'>): Promise<OffRun> {
  const players = {} as Record<VariantName, Player>
  const names = Object.keys(variants) as VariantName[]
  for (const variant of names) players[variant] = await player(runtime, { ...args, variant })
  const laps: Record<VariantName, number>[] = []
  for (let lap = 0; lap < LAPS; lap++) {
    const ns = {} as Record<VariantName, number>
    for (const name of names) ns[name] = await players[name].turn()
    laps.push(ns)
  }
  const run = {} as Record<VariantName, OffCost>
  for (const name of names) {
    const { base } = variants[name]
    run[name] = {
      ns: spread(laps.map((ns) => ns[name])).median,
      ratio: spread(laps.map((ns) => ns[name] / ns[base])).median,
      bytes: await players[name].end(),
    }
  }
  return run
}
