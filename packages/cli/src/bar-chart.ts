import { displayWidth, fitWidth } from './display-width.ts'
import type { Terminal } from './terminal.ts'

/** A line of a chart; the label is already harmless. */
export interface Bar {
  readonly label: string
  readonly count: number
  /** Lines below it. */
  readonly notes?: readonly string[]
}

const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'] as const

/** Bars on the whole width of the terminal, the longest for `max`; of ASCII where there is nothing else. */
export function barChart(
  bars: readonly Bar[],
  max: number,
  { columns, unicode, colors }: Terminal,
): string[] {
  const ellipsis = unicode ? '…' : '...'
  const counts = Math.max(...bars.map(({ count }) => String(count).length))
  const longest = Math.max(...bars.map(({ label }) => displayWidth(label)))
  const labels = Math.min(longest, Math.floor((columns - counts) / 2))
  const room = columns - labels - counts - 6
  return bars.flatMap(({ label, count, notes = [] }) => {
    const drawn = bar(count / Math.max(max, 1), room, unicode)
    const line =
      `  ${fitWidth(label, labels, ellipsis)}  ${String(count).padStart(counts)}  ${drawn && colors.cyan(drawn)}`.trimEnd()
    const below = notes.map((note) => `    ${colors.dim(fitWidth(note, columns - 4, ellipsis).trimEnd())}`)
    return [line, ...below]
  })
}

/** Whatever is counted is seen. */
function bar(share: number, room: number, unicode: boolean): string {
  if (!unicode) return '#'.repeat(share > 0 ? Math.max(1, Math.round(share * room)) : 0)
  const eighths = share > 0 ? Math.max(1, Math.round(share * room * 8)) : 0
  return '█'.repeat(Math.floor(eighths / 8)) + EIGHTHS[eighths % 8]
}
