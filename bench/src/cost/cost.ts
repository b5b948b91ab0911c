import { run } from '../child.ts'
import type { Plan } from '../plan.ts'
import type { CostArgs, Costs } from './measure.ts'
import { type VariantName, variants } from './variants.ts'

/** By runtime and variant: the costs of each run. */
export type CostResults = Record<string, Record<string, Costs[]>>

/**
 * What a limit costs a request, in a process for each variant, for what one has done to the process (an
 * `AsyncLocalStorage`, feedback for the compiler) the next would pay for. One run has all variants, one after the other.
 */
export async function cost({ runtimes, rounds, caseMs, say }: Plan): Promise<CostResults> {
  const results: CostResults = {}
  for (const runtime of runtimes) {
    const byVariant: Record<string, Costs[]> = {}
    results[runtime.name] = byVariant
    for (let round = 0; round < rounds; round++) {
      say(`cost: ${runtime.name}, run ${round + 1} of ${rounds}`)
      for (const variant of Object.keys(variants) as VariantName[]) {
        const args: CostArgs = { variant, ms: caseMs }
        byVariant[variant] ??= []
        byVariant[variant].push(await run<Costs>(runtime, 'cost/measure.js', args))
      }
    }
  }
  return results
}
