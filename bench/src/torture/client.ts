import { closeSync, openSync, writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { done, given } from '../child.ts'
import { visitHttp1 } from './http1-client.ts'
import { visitHttp2 } from './http2-visit.ts'
import { breaking, type Exchange, type PlanLimits, session, visit } from './plan.ts'
import { targets } from './targets.ts'
import type { Seen, Trip } from './trip.ts'

export interface ClientArgs {
  readonly target: string
  readonly port: number
  readonly seed: number
  readonly limitMs: number
  /** Goes before the ids of all requests. */
  readonly prefix: string
  /** How many connections there are at a time. */
  readonly connections: number
  /** No more requests than that. */
  readonly requests: number
  /** No new connection after that. */
  readonly seconds: number
  /** The number of the first visit, and of the last one, if not all of the plan is wanted. */
  readonly from: number
  readonly to: number | null
  /** Where it writes what it saw, a line for each request; `fault` where it has broken the protocol. */
  readonly log: string
}

export interface ClientResult {
  readonly visits: number
  readonly requests: number
  readonly seconds: number
  readonly saw: Readonly<Record<string, number>>
  readonly manners: Readonly<Record<string, number>>
  readonly statuses: Readonly<Record<string, number>>
  /** Requests that were answered as they must not be, by kind. */
  readonly wrong: Readonly<Record<string, number>>
  /** Some of them, told at length. */
  readonly complaints: readonly string[]
  /** Connections that could not be made, or of which something else went wrong. */
  readonly failed: number
}

const args = given<ClientArgs>()
const { traits, without, protocol } = targets[args.target]!
const limits: PlanLimits = { without: new Set(without), limitMs: args.limitMs }
/** So that the load does not depend on how many connections there are, in milliseconds for each of them. */
const PACE_MS = protocol === 'http/1.1' ? 5 : 20
const KEPT = 20
const trip: Trip = { port: args.port, prefix: args.prefix, traits, pauseMs: args.connections * PACE_MS }

const fd = openSync(args.log, 'a')
const lines: string[] = []
const saw: Record<string, number> = {}
const manners: Record<string, number> = {}
const statuses: Record<string, number> = {}
const complaints: string[] = []
let next = args.from
let visits = 0
let requests = 0
const wrong: Record<string, number> = {}
let failed = 0
const started = performance.now()
const until = started + args.seconds * 1_000
const last = args.to ?? Number.POSITIVE_INFINITY

await Promise.all(Array.from({ length: args.connections }, visitOnAndOn))
flush()
closeSync(fd)
done({
  visits,
  requests,
  seconds: (performance.now() - started) / 1_000,
  saw,
  manners,
  statuses,
  wrong,
  complaints,
  failed,
} satisfies ClientResult)

async function visitOnAndOn(): Promise<void> {
  while (next <= last && requests < args.requests && performance.now() < until) {
    const number = next++
    if (protocol === 'http/1.1') {
      const planned = visit(args.seed, number, limits)
      await follow(planned, planned.exchanges.length, () => visitHttp1(planned, trip))
    } else {
      const planned = session(args.seed, number, limits)
      await follow(planned, planned.exchanges.length + planned.flood, () => visitHttp2(planned, trip))
    }
  }
}

async function follow(
  planned: { readonly exchanges: readonly Exchange[] },
  count: number,
  go: () => Promise<Seen[]>,
): Promise<void> {
  visits++
  requests += count
  for (const { manner } of planned.exchanges) add(manners, manner.kind)
  try {
    for (const [number, seen] of (await go()).entries()) note(planned.exchanges[number], seen, planned)
  } catch (error) {
    failed++
    complain(planned, String(error))
    // Who comes to a server that is about to be started again comes back later.
    await sleep(PACE_MS)
  }
}

function note(
  exchange: Exchange | undefined,
  { id, what, status, wrong: complaint }: Seen,
  planned: object,
): void {
  const fault = exchange && breaking.has(exchange.manner.kind)
  add(saw, what)
  if (status !== undefined && what === 'whole') add(statuses, String(status))
  lines.push(`${id} ${what} ${status ?? '-'} ${fault ? 'fault' : '-'}\n`)
  if (lines.length > 1_000) flush()
  if (!complaint) return
  add(wrong, complaint.kind)
  complain(planned, `${id}: ${complaint.kind}: ${complaint.says}`)
}

function complain(planned: object, what: string): void {
  if (complaints.length < KEPT) complaints.push(`${what}\n    ${JSON.stringify(planned)}`)
}

function add(counts: Record<string, number>, key: string): void {
  counts[key] = (counts[key] ?? 0) + 1
}

function flush(): void {
  writeSync(fd, lines.splice(0).join(''))
}
