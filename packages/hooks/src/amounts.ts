/** Milliseconds for people: `0.4 ms`, `132 ms`, `5.01 s`. */
export function duration(ms: number): string {
  if (ms < 100) return `${Number(ms.toFixed(1))} ms`
  return ms < 999.5 ? `${Math.round(ms)} ms` : `${Number((ms / 1_000).toFixed(2))} s`
}

/** Bytes for people. */
export function byteCount(count: number): string {
  return count === 1 ? '1 byte' : `${count} bytes`
}
