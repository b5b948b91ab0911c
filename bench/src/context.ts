import { AsyncLocalStorage } from 'node:async_hooks'
import type { Cases } from './cases.ts'

const storage = new AsyncLocalStorage<object>()
const store = {}

async function awaits(times: number): Promise<void> {
  for (let i = 0; i < times; i++) await undefined
}

/** What it costs to know, after the fact, which request a write belongs to. */
export const contextCases: Record<string, Cases> = Object.fromEntries(
  [1, 5, 20].map((times) => [
    `AsyncLocalStorage, ${times} awaits`,
    {
      without: () => awaits(times),
      'within run()': () => storage.run(store, () => awaits(times)),
    },
  ]),
)
