import { contentType } from './responses.ts'

const marked = new WeakSet<object>()

/**
 * Says that a response is meant to arrive piece by piece: `buffer: true` then leaves it alone, as it does event
 * streams and upgrades. Gives back the same response. The deadline ends when it is returned; from then on
 * `streamIdleMs` and `streamTotalMs` count.
 *
 * @example
 * ```ts
 * guard(() => streaming(new Response(rows.pipeThrough(toCsv))), { buffer: true })
 * ```
 */
export function streaming<T extends Response>(response: T): T {
  marked.add(response)
  // Frameworks copy responses, but they keep the body.
  if (response.body) marked.add(response.body)
  return response
}

/** Whether a response must not be drained: it streams on purpose, or has no body to drain. Reads `.body`. */
export function isStreaming(response: Response): boolean {
  if (marked.has(response) || response.status === 101 || hasWebSocket(response)) return true
  if (response.body === null || marked.has(response.body)) return true
  return isEventStream(response)
}

/** Whether the response is known to stream for as long as its reader stays, without reading its `.body`. */
export function isLive(response: Response): boolean {
  return marked.has(response) || isEventStream(response)
}

/** Every response of workerd has the property; it is `null` where there is none. */
function hasWebSocket(response: Response): boolean {
  return Boolean((response as { webSocket?: unknown }).webSocket)
}

function isEventStream(response: Response): boolean {
  return contentType(response).startsWith('text/event-stream')
}
