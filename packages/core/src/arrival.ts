import type { Clock } from './clock.ts'
import { type Inbound, inboundReader } from './inbound.ts'
import { queueReader, type ReceivedAt } from './received-at.ts'
import type { Counters } from './stats.ts'

/** What a request says of its own time, as it arrives. */
export interface Arrival {
  /** Milliseconds that it allows in all; `Infinity` where it says nothing. */
  readonly allowedMs: number
  /** Milliseconds of them that are over already, because it waited in front. */
  readonly queuedMs: number
  /** Why it is to be refused, if it is: what it says is no time, or that time is over. */
  readonly refusal: 'malformed' | 'expired' | undefined
}

interface ArrivalOptions {
  readonly inbound: Inbound | undefined
  readonly malformedInbound: 'ignore' | 'reject'
  readonly receivedAt: ReceivedAt | undefined
  readonly timeoutMs: number
  readonly clock: Clock
}

const refused: Arrival = { allowedMs: Number.POSITIVE_INFINITY, queuedMs: 0, refusal: 'malformed' }

/** Reads what a request says of its time and counts what it has to ignore; nothing to do if nothing was asked for. */
export function arrivalReader(
  { inbound, malformedInbound, receivedAt, timeoutMs, clock }: ArrivalOptions,
  counters: Counters,
): ((request: Request) => Arrival) | undefined {
  if (inbound === undefined && receivedAt === undefined) return undefined
  const readInbound = inbound === undefined ? undefined : inboundReader(inbound)
  const readQueue = receivedAt === undefined ? undefined : queueReader(receivedAt, clock)
  const implausible = (): void => {
    counters.receivedAtIgnored++
  }

  return (request) => {
    let malformed = false
    const told = readInbound?.(request, () => {
      malformed = true
    })
    if (malformed && malformedInbound === 'reject') return refused
    if (malformed) counters.inboundIgnored++
    const allowedMs = told ?? Number.POSITIVE_INFINITY
    const queuedMs = readQueue?.(request, implausible) ?? 0
    const isExpired = Math.min(allowedMs, timeoutMs) <= queuedMs
    return { allowedMs, queuedMs, refusal: isExpired ? 'expired' : undefined }
  }
}
