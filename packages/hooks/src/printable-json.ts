import { eachHidden } from './printable.ts'

/**
 * A value as JSON, on one line unless it is indented. Whatever a terminal or a reader of lines may take for more than
 * text (U+2028 and U+0085 break lines for some, U+009B begins a command) is escaped; `JSON.parse` gives it back as it
 * was.
 *
 * @example
 * ```ts
 * process.stdout.write(`${printableJson(report)}\n`)
 * ```
 */
export function printableJson(value: unknown, indent?: number): string {
  // An end of line that JSON leaves is its own: in texts they are escaped.
  return eachHidden(String(JSON.stringify(value, undefined, indent)), (character) =>
    character === '\n' ? character : escaped(character),
  )
}

function escaped(character: string): string {
  const units = Array.from({ length: character.length }, (_, index) => character.charCodeAt(index))
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('')
}
