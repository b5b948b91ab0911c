import type { Style, Styles } from './styles.ts'

/** Lines that belong together, and what they are. */
export type Row = readonly [label: string, lines: readonly string[]]

/** How rows are shown. */
export interface View {
  /** How many columns the lines of a row have, for a label at the margin. */
  readonly width: number
  readonly style: Styles
  /** Whether nearly all is shown, or only what matters first. */
  readonly details: boolean
}

const MARGIN = 2

/** Where lines begin, for a label at the margin. */
export const COLUMN = 12

/** How far the lines of a row are moved to the right by a label that stands further in, or is long. */
export function shiftOf(label: string): number {
  const inner = label.length - label.trimStart().length
  return Math.max(0, inner - MARGIN, MARGIN + label.length + 1 - COLUMN)
}

/** The lines of a block that a row makes. */
export function laidOut([label, lines]: Row, dim: Style): string[] {
  const column = COLUMN + shiftOf(label)
  return lines.map((line, index) => {
    if (index > 0) return indented(line, column)
    return `${' '.repeat(MARGIN)}${dim(label)}${indented(line, column - MARGIN - label.length)}`
  })
}

function indented(line: string, columns: number): string {
  return line && ' '.repeat(columns) + line
}
