import { measure } from 'mitata'
import { done, given } from '../child.ts'
import { allocatedBytes, type Collect } from '../heap.ts'
import { type Case, cases, NeverEnds } from './cases.ts'
import { type Served, type VariantName, variants } from './variants.ts'

export interface CostArgs {
  readonly variant: VariantName
  /** How long a case is measured, in milliseconds. */
  readonly ms: number
}

/** By case: nanoseconds of processor time a request, and on V8 bytes, which JavaScriptCore does not tell. */
export type Costs = Record<string, Cost>

/** `null` for what does not happen at all: a timeout that is never there. */
export interface Cost {
  readonly ns: number | null
  readonly bytes?: number
}

// What handlers print of their errors is not what is measured.
console.error = () => {}

const { variant: name, ms } = given<CostArgs>()
const variant = variants[name]
const collect = 'Bun' in globalThis ? undefined : (globalThis as { gc?: Collect }).gc

const costs: Costs = {}
for (const [title, each] of Object.entries(cases)) {
  const isBase = variant.base === name
  if (each.guardsOnly && !variant.isGuard && !isBase) continue
  const { guarded, byHand = guarded, unlimited = byHand } = each
  const served = variant.wrap(variant.isGuard ? guarded : isBase ? unlimited : byHand, {
    timeoutMs: each.timeoutMs ?? 5_000,
    followsClient: each.followsClient ?? false,
    guard: each.guard?.() ?? {},
  })
  costs[title] = await costOf(each, served)
}
done(costs)

async function costOf({ drive, requests }: Case, served: Served): Promise<Cost> {
  const batch = () => drive(served, requests)
  try {
    const until = performance.now() + ms / 2
    while (performance.now() < until) await batch()
    const { avg } = await measure(batch, { min_cpu_time: ms * 1e6, min_samples: 6, now: processorTime })
    const ns = avg / requests
    if (!collect) return { ns }
    return { ns, bytes: (await allocatedBytes(batch, collect, 9)) / requests }
  } catch (error) {
    if (!(error instanceof NeverEnds)) throw error
    return { ns: null }
  }
}

/** Nanoseconds that this process has computed so far: others on the machine, and waiting, do not count. */
function processorTime(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) * 1_000
}
