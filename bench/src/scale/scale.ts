import { run } from '../child.ts'
import type { Plan } from '../plan.ts'
import type { Scale, ScaleArgs } from './measure.ts'
import { type ScaleVariant, scaleVariants } from './variants.ts'

/** By runtime, variant and how many are pending: each run. */
export type ScaleResults = Record<string, Record<string, Record<number, Scale[]>>>

const HEAP_MB = 6_000
/** What takes minutes, or gigabytes, with more. */
const most: Partial<Record<ScaleVariant, number>> = {
  'Promise.race, AbortSignal.any': 10_000,
  'Hono, timeout()': 100_000,
  'a timer each, by hand': 100_000,
}

/** What a pending request costs, and whether it costs more the more there are; in a process for each measurement. */
export async function scale({ serving, pending, say }: Plan): Promise<ScaleResults> {
  const results: ScaleResults = {}
  for (const runtime of serving) {
    results[runtime.name] = {}
    for (const variant of Object.keys(scaleVariants) as ScaleVariant[]) {
      const byCount: Record<number, Scale[]> = {}
      results[runtime.name]![variant] = byCount
      for (const [count, rounds] of Object.entries(pending)) {
        const args: ScaleArgs = { variant, pending: Number(count) }
        if (args.pending > (most[variant] ?? Number.POSITIVE_INFINITY)) continue
        say(`scale: ${runtime.name}, ${variant}, ${count} pending`)
        const runs: Scale[] = []
        for (let round = 0; round < rounds; round++) {
          runs.push(await run<Scale>(runtime, 'scale/measure.js', args, { heapMb: HEAP_MB }))
        }
        byCount[args.pending] = runs
      }
    }
  }
  return results
}
