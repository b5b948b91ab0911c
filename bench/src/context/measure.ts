import { AsyncLocalStorage } from 'node:async_hooks'
import { measure } from 'mitata'
import { done, given } from '../child.ts'

export interface ContextArgs {
  readonly ms: number
}

/** Nanoseconds of an async function, by its awaits. */
export type ContextRun = Record<string, number>

const storage = new AsyncLocalStorage<object>()
const store = {}

async function awaits(times: number): Promise<void> {
  for (let i = 0; i < times; i++) await undefined
}

const { ms } = given<ContextArgs>()
const costs: ContextRun = {}
// What is measured without comes first: once a storage has been used, promises cost more in the whole process.
for (const [context, call] of [
  ['without', (work: () => Promise<void>) => work()],
  ['within', (work: () => Promise<void>) => storage.run(store, work)],
  ['without, afterwards', (work: () => Promise<void>) => work()],
] as const) {
  for (const times of [1, 5, 20]) {
    const { avg } = await measure(() => call(() => awaits(times)), { min_cpu_time: ms * 1e6 })
    costs[`${context}: ${times}`] = avg
  }
}
done(costs)
