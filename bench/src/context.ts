import { AsyncLocalStorage } from 'node:async_hooks'
import { compare } from './compare.ts'

const storage = new AsyncLocalStorage<object>()
const store = {}

async function awaits(times: number): Promise<void> {
  for (let i = 0; i < times; i++) await undefined
}

// What is measured without comes first: once a storage has been used, promises cost more in the whole process.
await compare({
  'without AsyncLocalStorage': {
    '1 await': () => awaits(1),
    '5 awaits': () => awaits(5),
    '20 awaits': () => awaits(20),
  },
  'within AsyncLocalStorage.run()': {
    '1 await': () => storage.run(store, () => awaits(1)),
    '5 awaits': () => storage.run(store, () => awaits(5)),
    '20 awaits': () => storage.run(store, () => awaits(20)),
  },
})
