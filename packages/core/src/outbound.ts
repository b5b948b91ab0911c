import * as z from 'zod/mini'
import { type DeadlineHeader, deadlineHeaders, listOfHeaders } from './deadline-header.ts'
import { callback, milliseconds } from './validate.ts'

/** `fetch()` as all runtimes have it: some add functions of their own to theirs. */
export type Fetch = (input: RequestInfo | URL, init?: RequestInit) => Promise<Response>

/** How requests to other services are told of the deadline. */
export interface OutboundOptions {
  /** Headers that carry the remaining time (default `'connect-timeout-ms'`); `false` for none. */
  headers?: DeadlineHeader | readonly DeadlineHeader[] | false
  /** Milliseconds of the remaining time that are kept back, for what is done with the answer (default 0). */
  reserveMs?: number
  /** What `scope.fetch()` calls (default: the global `fetch` of that moment); undici's own, for one. */
  fetch?: (input: never, init?: never) => Promise<unknown>
}

/** The same, with nothing left to decide. */
export interface Outbound {
  readonly headers: readonly DeadlineHeader[]
  readonly reserveMs: number
  readonly fetch: Fetch | undefined
}

export const outboundSchema: z.ZodMiniObject = z.strictObject(
  {
    headers: z.optional(
      z.custom<never>(
        (value) => value === false || listOfHeaders(value) !== undefined,
        `false, or one or more of ${deadlineHeaders.join(', ')}`,
      ),
    ),
    reserveMs: z.optional(milliseconds),
    fetch: z.optional(callback),
  },
  'an object',
)

export const defaultOutbound: Outbound = { headers: ['connect-timeout-ms'], reserveMs: 0, fetch: undefined }

export function toOutbound({ headers, reserveMs, fetch }: OutboundOptions): Outbound {
  return {
    headers: headers === undefined ? defaultOutbound.headers : (listOfHeaders(headers) ?? []),
    reserveMs: reserveMs ?? defaultOutbound.reserveMs,
    fetch: fetch as Outbound['fetch'],
  }
}
