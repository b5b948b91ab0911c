/** Where a secret is in a text: from this index, up to that one. */
export type Span = readonly [from: number, to: number]

/** Words that a sentence goes on with where a secret could be: `Invalid token: must be a string`. */
export const PROSE: string = [
  "a an and are at be but by can can't cannot could does empty error expected expired failed for from got",
  'had has header if in incorrect invalid is it malformed may mismatch missing must no not of on or please',
  'received rejected required requires revoked should string the this to too unable undefined unexpected',
  'unknown unsupported value was were when while will with wrong you your',
]
  .flatMap((line) => line.split(' '))
  .join('|')

/** Where a word begins, be it after a line break that is escaped, or a space in a URL. */
export const WORD: string = String.raw`(?:(?<![A-Za-z0-9])|(?<=\\[nrt])|(?<=%[0-9A-Fa-f]{2}))`

/** One pattern for all of them. */
export function any(patterns: readonly RegExp[]): RegExp {
  return new RegExp(patterns.map((pattern) => pattern.source).join('|'))
}

/** What the pattern, a sticky one, finds at this very place; nothing, if it finds nothing. */
export function matchAt(pattern: RegExp, text: string, at: number): string {
  pattern.lastIndex = at
  return pattern.exec(text)?.[0] ?? ''
}
