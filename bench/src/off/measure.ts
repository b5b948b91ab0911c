import { AsyncLocalStorage } from 'node:async_hooks'
import { createInterface } from 'node:readline'
import { setImmediate as turn } from 'node:timers/promises'
import type { guard } from '@curfew/core'
import { enterScopes } from '@curfew/core/adapter'
import { done, given } from '../child.ts'
import { allocatedBytes, type Collect } from '../heap.ts'
import { LightRequest } from '../light-request.ts'
import { quantile } from '../numbers.ts'
import { everythingOn } from './everything-on.ts'
import { type HandlerName, handlers } from './handlers.ts'
import { type VariantName, variants } from './variants.ts'

export interface OffArgs {
  readonly variant: VariantName
  readonly handler: HandlerName
  /** Where the cores are that were made. */
  readonly cores: string
  /** How many batches of requests come before anything is measured: so many that all is compiled. */
  readonly warmUp: number
  /** How long a turn is, in milliseconds. */
  readonly ms: number
}

/** A look at a header costs more than what is measured, and not the same in each process. */
class LighterRequest extends LightRequest {
  override get headers(): Headers {
    return noHeaders
  }
}
const noHeaders = { get: () => null } as unknown as Headers

const REQUESTS = 200
/** Of the batches of a turn, sorted: those before have been lucky, those behind were disturbed. */
const QUIET = 0.1

const { variant, handler, cores, warmUp, ms } = given<OffArgs>()
const { core, options, imports = [], wasEntered, hasNeighbour } = variants[variant]
const own: { guard: typeof guard } = await import(core ? `${cores}${core}/index.mjs` : '@curfew/core')
for (const each of imports) await import(each)
const served = own.guard(handlers[handler], { timeoutMs: 60_000, ...options })
const neighbour = hasNeighbour ? everythingOn() : undefined
if (wasEntered) {
  const entering = enterScopes(() => new AsyncLocalStorage())
  for (let i = 0; i < warmUp / 10; i++) await batch()
  entering.leave()
}
for (let i = 0; i < warmUp; i++) {
  await batch()
  await turn()
  if (i % 100 === 0) await neighbour?.()
}
console.log('true')

for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'end') break
  await neighbour?.()
  console.log(await nanoseconds())
}
const collect = 'Bun' in globalThis ? undefined : (globalThis as { gc?: Collect }).gc
done(collect ? (await allocatedBytes(batch, collect, 31)) / REQUESTS : null)

/** Nanoseconds of a request, in a batch that nobody has disturbed. */
async function nanoseconds(): Promise<number> {
  const times: number[] = []
  const until = performance.now() + ms
  while (performance.now() < until) {
    const start = performance.now()
    await batch()
    times.push(((performance.now() - start) * 1e6) / REQUESTS)
    await turn()
  }
  return quantile(
    times.sort((a, b) => a - b),
    QUIET,
  )
}

async function batch(): Promise<void> {
  for (let i = 0; i < REQUESTS; i++) {
    const answer = served(new LighterRequest() as unknown as Request)
    if (answer instanceof Promise) await answer
  }
}
