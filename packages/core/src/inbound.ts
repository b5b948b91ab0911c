import { type DeadlineHeader, deadlineFormats, listOfHeaders } from './deadline-header.ts'

/**
 * Where a request says how long its caller waits: a header, several of which the shortest counts, or a function that
 * gives milliseconds (`undefined` for a request that does not say).
 */
export type Inbound = DeadlineHeader | readonly DeadlineHeader[] | ((request: Request) => number | undefined)

/** Milliseconds that a request allows, `Infinity` where it says nothing. `malformed` is called for what is no time. */
export type InboundReader = (request: Request, malformed: () => void) => number

export function isInbound(value: unknown): boolean {
  return typeof value === 'function' || listOfHeaders(value) !== undefined
}

/** The way to read what {@link Inbound} names. */
export function inboundReader(inbound: Inbound): InboundReader {
  return typeof inbound === 'function' ? fromFunction(inbound) : fromHeaders(listOfHeaders(inbound)!)
}

function fromHeaders(names: readonly DeadlineHeader[]): InboundReader {
  return ({ headers }, malformed) => {
    let shortest = Number.POSITIVE_INFINITY
    for (const name of names) {
      const value = headers.get(name)
      if (value === null) continue
      const ms = deadlineFormats[name].parse(value)
      if (Number.isNaN(ms)) malformed()
      else if (ms < shortest) shortest = ms
    }
    return shortest
  }
}

function fromFunction(read: (request: Request) => number | undefined): InboundReader {
  return (request, malformed) => {
    try {
      const ms: unknown = read(request)
      if (ms === undefined) return Number.POSITIVE_INFINITY
      if (typeof ms === 'number' && !Number.isNaN(ms)) return ms
    } catch {}
    malformed()
    return Number.POSITIVE_INFINITY
  }
}
