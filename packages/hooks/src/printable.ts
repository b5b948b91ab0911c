/** Controls, formatting that is not seen (bidirectional overrides, too), separators of lines, halves of surrogates. */
const HIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/**
 * A text as it can be shown on one line of a terminal, whoever wrote it: each character that would do something, or
 * change how others look, stands there by its number instead (`\x1b`, `\u202e`).
 */
export function printable(text: string): string {
  return eachHidden(text, (character) => SHORT[character] ?? numbered(character.codePointAt(0)!))
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
