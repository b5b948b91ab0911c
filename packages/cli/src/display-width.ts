/** How many columns of a terminal a text takes, nearly: wide scripts and emoji take two, marks none. */
export function displayWidth(text: string): number {
  let width = 0
  for (const character of text) width += widthOf(character)
  return width
}

/** The text on exactly so many columns: filled with spaces, or cut, which ends in `ellipsis`. */
export function fitWidth(text: string, columns: number, ellipsis: string): string {
  const width = displayWidth(text)
  if (width <= columns) return text + ' '.repeat(columns - width)
  let kept = ''
  let used = ellipsis.length
  for (const character of text) {
    used += widthOf(character)
    if (used > columns) break
    kept += character
  }
  return fitWidth(kept + ellipsis, columns, '')
}

function widthOf(character: string): number {
  if (/[\p{M}\u200c\u200d]/u.test(character)) return 0
  return /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}|[\u{20000}-\u{3ffff}]/u.test(
    character,
  )
    ? 2
    : 1
}
