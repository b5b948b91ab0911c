/**
 * Controls, formatting that is not seen (bidirectional overrides, too), separators of lines, halves of surrogates; not
 * the two joiners that scripts and emoji are written with.
 */
const HIDDEN = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/**
 * A text as it can be shown on one line of a terminal, whoever wrote it: each character that would do something, or
 * change how others look, stands there by its number instead (`\x1b`, `\u202e`).
 *
 * @example
 * ```ts
 * console.error(`No such user: ${printable(name)}`)
 * ```
 */
export function printable(text: string): string {
  return eachHidden(text, (character) => SHORT[character] ?? numbered(character.codePointAt(0)!))
}

/** The same for a text of several lines, which stay. */
export function printableLines(text: string): string[] {
  return text.split(/\r?\n/).map(printable)
}

/** Whether a text is {@link printable} as it is. */
export function isPrintable(text: string): boolean {
  return text.search(HIDDEN) < 0
}

/** Replaces each character that is not to be seen. */
export function eachHidden(text: string, replace: (character: string) => string): string {
  return text.replace(HIDDEN, replace)
}

function numbered(code: number): string {
  const digits = code.toString(16)
  if (code <= 0xff) return `\\x${digits.padStart(2, '0')}`
  return code <= 0xffff ? `\\u${digits.padStart(4, '0')}` : `\\u{${digits}}`
}
