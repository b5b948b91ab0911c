import { run } from '../child.ts'
import type { Plan } from '../plan.ts'
import type { HookName, ReportArgs, ReportRun } from './measure.ts'

/** By runtime and hook: each run. */
export type ReportResults = Record<string, Record<string, ReportRun[]>>

export const hookNames: readonly HookName[] = [
  'no reporter',
  'a hook that is done at once',
  'a hook that takes 700 ms',
  'a hook that throws',
  'a hook that never settles',
]

/** On the Node.js that runs this: whether the client waits for a report of a request that fails, whatever its hook does. */
export async function reports({ serving, loadRounds, say }: Plan): Promise<ReportResults> {
  const results: ReportResults = {}
  for (const runtime of serving.filter(({ command }) => command === process.execPath)) {
    say(`reports: ${runtime.name}`)
    const byHook: Record<string, ReportRun[]> = {}
    results[runtime.name] = byHook
    for (let round = 0; round < loadRounds; round++) {
      for (const hook of hookNames) {
        const args: ReportArgs = { hook, requests: 100 }
        byHook[hook] ??= []
        byHook[hook].push(await run<ReportRun>(runtime, 'reports/measure.js', args))
      }
    }
  }
  return results
}
