/**
 * A text of about `maxLength` characters at most. It is cut between words, for half a secret could not be told for one;
 * a single word that is too long goes whole.
 */
export function cut(text: string, maxLength: number): string {
  if (text.length <= maxLength) return text
  let end = maxLength
  while (end > 0 && !isSpace(text.charCodeAt(end - 1))) end--
  return `${text.slice(0, end)}… (${text.length - end} characters more)`
}

function isSpace(unit: number): boolean {
  return unit === 0x20 || (unit >= 0x09 && unit <= 0x0d)
}
