import { setImmediate as turn } from 'node:timers/promises'
import { done, given } from '../child.ts'
import { heapUsed } from '../heap.ts'
import { lightRequest } from '../light-request.ts'
import { quantile } from '../numbers.ts'
import { type ScaleVariant, scaleVariants } from './variants.ts'

export interface ScaleArgs {
  readonly variant: ScaleVariant
  readonly pending: number
}

export interface Scale {
  /** Bytes of each pending request, those of its handler's promise and of the request included. */
  readonly bytes: number
  /** Nanoseconds of each request: to arm, and to settle one that is pending. */
  readonly armNs: number
  readonly disarmNs: number
  /** When all are due at the same moment: milliseconds from then until they have ended; `null` if they do not. */
  readonly expiry: Expiry | null
}

interface Expiry {
  readonly p50: number
  readonly p99: number
  readonly last: number
  /** The longest that nothing else could run, in milliseconds. */
  readonly stall: number
}

const { variant, pending } = given<ScaleArgs>()
const { gc, Bun } = globalThis as { gc?: () => void; Bun?: { gc(now: boolean): void } }
const collect = gc ?? (() => Bun!.gc(true))
const resolvers: ((response: Response) => void)[] = []
const response = new Response('hi')
const handler = () => new Promise<Response>((resolve) => void resolvers.push(resolve))
// What Hono prints of errors is not what is measured.
console.error = () => {}

// The code is compiled, and arrays have grown, before anything is measured.
const first = arm(Math.min(pending, 20_000), 60_000)
await settleAll()
await Promise.all(first)
first.length = 0

const before = await settledHeap()
let started = performance.now()
const armed = arm(pending, 600_000)
const armNs = ((performance.now() - started) * 1e6) / pending
const bytes = ((await settledHeap()) - before) / pending
started = performance.now()
await settleAll()
await Promise.all(armed)
const disarmNs = ((performance.now() - started) * 1e6) / pending
armed.length = 0
await settledHeap()

done({ bytes, armNs, disarmNs, expiry: variant === 'bare' ? null : await expire() } satisfies Scale)

function arm(count: number, limitMs: number): (Response | Promise<Response>)[] {
  const limited = scaleVariants[variant](handler, limitMs)
  resolvers.length = 0
  return Array.from({ length: count }, () => limited(lightRequest()))
}

async function settleAll(): Promise<void> {
  for (const resolve of resolvers) resolve(response)
  resolvers.length = 0
  await turn()
}

/** After a second look: what was to be done later has been done, and is garbage as well. */
async function settledHeap(): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, 30))
  collect()
  await turn()
  collect()
  return heapUsed()
}

/** Nothing else runs until all are due, as if the process had been blocked. */
async function expire(): Promise<Expiry | null> {
  // Longer than it takes to arm them, so that none is due before all are there.
  const timeoutMs = Math.round(500 + 3 * pending * (armNs / 1e6))
  const lateness = new Float64Array(pending)
  let ended = 0
  let dueAt = Number.POSITIVE_INFINITY
  for (const answer of arm(pending, timeoutMs)) {
    void (answer as Promise<Response>).then(() => {
      lateness[ended++] = performance.now() - dueAt
    })
  }
  dueAt = performance.now() + timeoutMs
  while (performance.now() < dueAt);
  let stall = 0
  let last = dueAt
  while (ended < pending) {
    await turn()
    const now = performance.now()
    stall = Math.max(stall, now - last)
    last = now
    if (now - dueAt > 30_000) return null
  }
  lateness.sort()
  return { p50: quantile(lateness, 0.5), p99: quantile(lateness, 0.99), last: lateness.at(-1)!, stall }
}
