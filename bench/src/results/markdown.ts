import type { Spread } from '../numbers.ts'

/** A table; the first column is text, the others are figures. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const rule = ['---', ...head.slice(1).map(() => '--:')]
  return [line(head), line(rule), ...rows.map(line)].join('\n')
}

/** Three digits that matter. */
export function figure(value: number): string {
  const size = Math.abs(value)
  if (size >= 1_000) return Math.round(value).toLocaleString('en').replaceAll(',', ' ')
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2)
}

/** The one in the middle, and how far the runs went apart. */
export function withSpread({ median, min, max, runs }: Spread, prefix = ''): string {
  const middle = `${prefix}${figure(median)}`
  return runs === 1 ? middle : `${middle} <sub>${figure(min)}–${figure(max)}</sub>`
}
