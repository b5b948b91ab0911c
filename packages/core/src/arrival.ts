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
  /** Whether it is to be refused, because what it says is no time. */
  readonly malformed: boolean
}

interface ArrivalOptions {
  readonly inbound?: Inbound
  readonly malformedInbound?: 'ignore' | 'reject'
  readonly receivedAt?: ReceivedAt
}

const nothing: Arrival = { allowedMs: Number.POSITIVE_INFINITY, queuedMs: 0, malformed: false }

/** Reads what a request says of its time and counts what it has to ignore; nothing to do if nothing was asked for. */
export function arrivalReader(
  { inbound, malformedInbound, receivedAt }: ArrivalOptions,
  clock: Clock,
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
    const allowedMs = readInbound?.(request, () => {
      malformed = true
    })
    if (malformed && malformedInbound === 'reject') return { ...nothing, malformed }
    if (malformed) counters.inboundIgnored++
    return {
      allowedMs: allowedMs ?? nothing.allowedMs,
      queuedMs: readQueue?.(request, implausible) ?? 0,
      malformed: false,
    }
  }
}
