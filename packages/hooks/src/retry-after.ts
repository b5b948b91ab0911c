/**
 * How many milliseconds a `Retry-After` header asks to wait for: seconds, or a date, which may have passed. `undefined`
 * if it is neither.
 */
export function retryAfterMs(header: string | null, now: number): number | undefined {
  const text = header?.trim() ?? ''
  if (/^\d+$/.test(text)) return Number(text) * 1_000
  // Date.parse() makes dates of much that is none, numbers for instance.
  const date = /^[A-Z][a-z]+, .+ GMT$/.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(date) ? undefined : Math.max(0, date - now)
}
