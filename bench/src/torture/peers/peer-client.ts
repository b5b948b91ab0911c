import { setTimeout as sleep } from 'node:timers/promises'
import { done, given } from '../../child.ts'
import type { Traits } from '../expected.ts'
import { visitHttp1 } from '../http1-client.ts'
import type { Visit } from '../plan.ts'
import type { Seen, WrongKind } from '../trip.ts'
import { type PeerPlan, peerVisit } from './peer-plan.ts'

export interface PeerClientArgs {
  readonly plan: PeerPlan
  readonly port: number
  readonly traits: Traits
  readonly connections: number
  readonly seconds: number
  readonly requests: number
  readonly from: number
  readonly to: number | null
}

/** A request that was answered as it must not be, or a connection that could not be made (which has no request). */
export interface Wrong {
  readonly visit: number
  readonly exchange?: number
  readonly handler?: string
  /** Whether it is in a pipeline, with a response behind it that breaks. */
  readonly breaksBehind?: boolean
  readonly kind: WrongKind | 'no connection'
  readonly says: string
  /** When its connection was there, in milliseconds since 1970. */
  readonly from: number
  readonly to: number
}

export interface PeerClientResult {
  readonly visits: number
  readonly requests: number
  readonly seconds: number
  readonly saw: Readonly<Record<string, number>>
  readonly wrongs: readonly Wrong[]
}

const { plan, port, traits, connections, seconds, requests: most, from, to } = given<PeerClientArgs>()
/** As the clients of our own targets. */
const PACE_MS = 5
/** Before somebody whom nobody has listened to comes again. */
const AGAIN_MS = 50
/** What Node lets pass without a version is HTTP/1.0 to it: that a response broke off cannot be seen there. */
const endsWithConnection: WrongKind = 'not the answer that it has to be'
const trip = { port, prefix: 's', traits, pauseMs: connections * PACE_MS }

const saw: Record<string, number> = {}
const wrongs: Wrong[] = []
let next = from
let visits = 0
let requests = 0
const started = performance.now()
const until = started + seconds * 1_000

await Promise.all(Array.from({ length: connections }, visitOnAndOn))
done({
  visits,
  requests,
  seconds: (performance.now() - started) / 1_000,
  saw,
  wrongs,
} satisfies PeerClientResult)

async function visitOnAndOn(): Promise<void> {
  while (next <= (to ?? Number.POSITIVE_INFINITY) && requests < most && performance.now() < until) {
    const planned = peerVisit(plan, next++)
    const seen = await visitOrComeAgain(planned)
    if (!seen) continue
    visits++
    requests += planned.exchanges.length
    for (const [i, each] of seen.result.entries()) note(planned, i, each, seen.from)
  }
}

/** A server that is not there yet is asked the same again. */
async function visitOrComeAgain(planned: Visit): Promise<{ from: number; result: Seen[] } | undefined> {
  for (let isFirst = true; performance.now() < until; isFirst = false) {
    const from = Date.now()
    try {
      return { from, result: await visitHttp1(planned, trip) }
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      if (isFirst) {
        const says = code ?? message
        wrongs.push({ visit: planned.number, kind: 'no connection', says, from, to: Date.now() })
      }
      await sleep(AGAIN_MS)
    }
  }
  return undefined
}

function note(planned: Visit, i: number, { what, wrong }: Seen, from: number): void {
  saw[what] = (saw[what] ?? 0) + 1
  const { handler, manner } = planned.exchanges[i]!
  if (!wrong || (manner.kind === 'garbage' && wrong.kind === endsWithConnection)) return
  const breaksBehind =
    planned.pipelined && planned.exchanges.slice(i + 1).some(({ handler }) => handler.startsWith('half'))
  const visit = planned.number
  wrongs.push({ visit, exchange: i, handler, breaksBehind, ...wrong, from, to: Date.now() })
}
