/**
 * Controls, formatting that is not seen (bidirectional overrides, too), separators of lines, halves of surrogates; not
 * the two joiners that scripts and emoji are written with.
 */
const HIDDEN = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/**
 * A text as it can be shown on one line of a terminal, whoever wrote it: each character that would do something, or
 * change how others look, stands there by its number instead (`\x1b`, `\u202e`).
 */
export function sanitize(text: string): string {
  return text.replace(HIDDEN, (character) => SHORT[character] ?? numbered(character.codePointAt(0)!))
}

/** The same for a text of several lines, which stay. */
export function sanitizeLines(text: string): string[] {
  return text.split(/\r?\n/).map(sanitize)
}

/** Whether a text has such characters. */
export function isHarmless(text: string): boolean {
  return text.search(HIDDEN) < 0
}

/** JSON in which such characters stand escaped: the same value, harmless in a terminal, and without ends of lines. */
export function safeJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, undefined, indent).replace(HIDDEN, (character) =>
    indent !== undefined && character === '\n' ? character : escaped(character),
  )
}

function escaped(character: string): string {
  const units = Array.from({ length: character.length }, (_, index) => character.charCodeAt(index))
  return units.map((unit) => `\\u${hex(unit, 4)}`).join('')
}

function numbered(code: number): string {
  if (code <= 0xff) return `\\x${hex(code, 2)}`
  return code <= 0xffff ? `\\u${hex(code, 4)}` : `\\u{${hex(code, 5)}}`
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, '0')
}
