import type { Report } from '@curfew/core/report'
import { eachHidden } from './printable.ts'

/**
 * A report as JSON on one line, without its end. Whatever a terminal or a reader of lines may take for more than text
 * (U+2028 and U+0085 break lines for some, U+009B begins a command) is escaped; `JSON.parse` gives it back as it was.
 */
export function jsonLine(report: Report): string {
  return eachHidden(JSON.stringify(report), (character) => {
    const units = Array.from({ length: character.length }, (_, index) => character.charCodeAt(index))
    return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('')
  })
}
