import type { Outcome } from './outcome.ts'
import type { TimeLeft } from './recording.ts'

/**
 * A copy of the response that says in `Server-Timing`, beside what the handler says there itself, how the request ended,
 * after how many milliseconds, and how many were left: browsers show it beside the request. A response that cannot be
 * copied (101) goes as it is.
 */
export function withServerTiming(response: Response, outcome: Outcome, { remainingMs }: TimeLeft): Response {
  if (response.status < 200) return response
  const metrics = [`curfew;desc="${outcome.kind}";dur=${millis(outcome.elapsedMs)}`]
  if (remainingMs < Number.POSITIVE_INFINITY) metrics.push(`curfew-remaining;dur=${millis(remainingMs)}`)
  const copy = new Response(response.body, response)
  copy.headers.append('server-timing', metrics.join(', '))
  return copy
}

const millis = (ms: number): number => Math.round(ms * 10) / 10
