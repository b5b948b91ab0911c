import { AsyncLocalStorage } from 'node:async_hooks'
import { setImmediate as turn } from 'node:timers/promises'
import { curfew } from '@curfew/hono'
import { Hono, type MiddlewareHandler } from 'hono'
import { type Collect, heapUsed } from '../../src/heap.ts'

// Enough for a `WeakMap` with an entry for each of them to be old before they are over.
const REQUESTS = 4_000
const AT_ONCE = 32
const ROUNDS = 6

const storage = new AsyncLocalStorage<object>()

/** What leads from the async context to something that leads back to it. */
const leading: MiddlewareHandler = (c, next) => {
  const context: { c: object; inside?: Promise<void> } = { c }
  context.inside = storage.run(context, next)
  return context.inside
}

const middleware: Record<string, MiddlewareHandler> = {
  'curfew()': curfew({ timeoutMs: 60_000 }),
  'a context that leads back': leading,
}

const { gc: collect } = globalThis as unknown as { gc: Collect }
const app = new Hono().use(middleware[process.argv[2]!]!).get('/', async (c) => c.text('hi'))

async function ask(requests: number): Promise<void> {
  for (let i = 0; i < requests; i++) await (await app.request('/')).text()
}

const bytes: number[] = []
for (let round = 0; round < ROUNDS; round++) {
  await turn()
  collect()
  const before = heapUsed()
  await Promise.all(Array.from({ length: AT_ONCE }, () => ask(REQUESTS / AT_ONCE)))
  await turn()
  // What has survived once may still be young.
  for (let i = 0; i < 2; i++) collect({ type: 'minor' })
  bytes.push((heapUsed() - before) / REQUESTS)
}
// In the first round the compiler leaves more than all requests; in which of the others something grows old depends on
// how large that map has become.
console.log(Math.max(...bytes.slice(1)))
