import { deadlineFormats, deadlineHeaders } from './deadline-header.ts'
import { NoTimeLeftError } from './errors.ts'
import { joinSignals } from './join-signals.ts'
import type { Outbound } from './outbound.ts'
import type { Remaining } from './remaining.ts'
import { tapBody } from './tap-body.ts'

/** What a request to another service has to keep to. */
interface Bounds {
  /** Each of them ends it. */
  readonly signals: readonly AbortSignal[]
  readonly deadline: Remaining
  readonly outbound: Outbound
}

/** Whoever has less than this has no time: headers say whole milliseconds, and timers wait for them. */
export const LEAST_MS = 1

/** Why there is nothing left to send for, if there is not. */
export function refusalOf({ signals, deadline }: Omit<Bounds, 'outbound'>, neededMs: number): unknown {
  const aborted = signals.find((signal) => signal.aborted)
  if (aborted) return aborted.reason
  const remainingMs = deadline.remainingMs()
  return remainingMs < neededMs ? new NoTimeLeftError(remainingMs, neededMs) : undefined
}

/** `fetch()` that ends with the request that it is made for, and says how long that still has. */
export async function boundedFetch(
  bounds: Bounds,
  input: RequestInfo | URL,
  init: RequestInit = {},
): Promise<Response> {
  const { signals, deadline, outbound } = bounds
  const refusal = refusalOf(bounds, outbound.reserveMs + LEAST_MS)
  if (refusal !== undefined) throw refusal

  const given = isRequest(input) ? input : undefined
  const own = init.signal === undefined ? given?.signal : init.signal
  const all = own && !signals.includes(own) ? [...signals, own] : signals
  const joined = all.length > 1 ? joinSignals(all) : undefined
  const bounded: RequestInit = { ...init, signal: joined?.signal ?? all[0]! }
  const leftMs = deadline.remainingMs() - outbound.reserveMs
  if (leftMs < Number.POSITIVE_INFINITY) {
    bounded.headers = withDeadline(new Headers(init.headers ?? given?.headers), leftMs, outbound)
  }

  const send = outbound.fetch ?? fetch
  if (!joined) return send(input, bounded)
  return followed(send(input, bounded), joined.release)
}

/** What the caller has set itself is at most shortened, whether it is asked for or not. */
function withDeadline(headers: Headers, ms: number, { headers: names }: Outbound): Headers {
  for (const name of deadlineHeaders) {
    const own = headers.get(name)
    const { parse, format } = deadlineFormats[name]
    const isFine = own === null ? !names.includes(name) : parse(own) <= ms
    if (!isFine) headers.set(name, format(ms))
  }
  return headers
}

/** A body that nobody reads to its end is collected at last, and what was to end it, too. */
const unread: FinalizationRegistry<() => void> | undefined =
  typeof FinalizationRegistry === 'undefined' ? undefined : new FinalizationRegistry((release) => release())

/** Releases once the body has ended, however it does: until then each of the signals may still end it. */
async function followed(sent: Promise<Response>, release: () => void): Promise<Response> {
  try {
    const response = await sent
    if (response.body === null) release()
    else {
      tapBody(response, { onChunk() {}, onEnd: release, onBreak: release, onCancel: release })
      unread?.register(response, release)
    }
    return response
  } catch (error) {
    release()
    throw error
  }
}

function isRequest(input: unknown): input is Request {
  return Object.prototype.toString.call(input) === '[object Request]'
}
