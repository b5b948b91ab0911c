import { run } from '../child.ts'
import type { Plan } from '../plan.ts'
import type { ContextRun } from './measure.ts'

/** By runtime: each run. */
export type ContextResults = Record<string, ContextRun[]>

/** What awaits cost within and without an `AsyncLocalStorage`, which is what telling late writes in Hono rests on. */
export async function context({ runtimes, rounds, caseMs, say }: Plan): Promise<ContextResults> {
  const results: ContextResults = {}
  for (const runtime of runtimes) {
    say(`context: ${runtime.name}`)
    const runs: ContextRun[] = []
    for (let round = 0; round < rounds; round++) {
      runs.push(await run<ContextRun>(runtime, 'context/measure.js', { ms: caseMs / 2 }))
    }
    results[runtime.name] = runs
  }
  return results
}
