/**
 * The beginning of a text, ending in `…` if there was more. It is a copy: a slice would keep the whole text in memory
 * for as long as it lives itself.
 */
export function clip(text: string, maxLength: number): string {
  if (text.length <= maxLength) return text
  return `${Buffer.from(text.slice(0, maxLength - 1)).toString()}…`
}
