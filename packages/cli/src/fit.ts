import { sanitize } from './sanitize.ts'

const MAX_LENGTH = 2_000

/** A text on one line of a terminal, and not an endless one. */
export function oneLine(text: string): string {
  // Nothing gets shorter by being made harmless, and what will not be shown need not be looked at.
  const more = text.length - MAX_LENGTH
  return more > 0 ? `${sanitize(text.slice(0, MAX_LENGTH))}… (${more} characters more)` : sanitize(text)
}

/** The first lines, each not endless, and how many there are besides. */
export function cutLines(lines: readonly string[], max: number): string[] {
  const shown = lines.slice(0, max).map(oneLine)
  return lines.length > max ? [...shown, `… (${lines.length - max} lines more)`] : shown
}

/** Milliseconds for people: `0.4 ms`, `132 ms`, `5.01 s`. */
export function duration(ms: number): string {
  if (ms < 100) return `${Number(ms.toFixed(1))} ms`
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${Number((ms / 1_000).toFixed(2))} s`
}

export function byteCount(count: number): string {
  return count === 1 ? '1 byte' : `${count} bytes`
}
