import { REDACTED } from './report.ts'
import { decode } from './seen-url.ts'

/** How many are looked for. */
const MAX_VALUES = 10_000

/** No value is shorter. */
const MIN_LENGTH = 4

/** How many characters are compared in all; then whatever begins like a value is taken for it. */
const MAX_COMPARED = 2_000_000

/** Values that are known to be secret, and are looked for wherever they may have got to, in any case. */
export class KnownValues {
  private readonly values = new Set<string>()
  /** By how they begin, the longest first. */
  private index: Map<string, string[]> | undefined
  private compared = 0

  /** Shorter ones than `minLength` (4 at least) stand in too many texts that have nothing to do with them. */
  add(value: string, minLength: number): void {
    const text = value.trim()
    for (const spelling of [text, decode(text)]) {
      const form = lowerCase(spelling)
      if (form.length < Math.max(minLength, MIN_LENGTH) || this.values.size >= MAX_VALUES) continue
      // Who hides `redacted` sees it all the more.
      if (REDACTED.includes(form)) continue
      this.index = undefined
      this.values.add(form).add(form.replaceAll(' ', '+'))
    }
  }

  has(value: string): boolean {
    return this.values.has(lowerCase(value))
  }

  /** The text without them. */
  hide(text: string): string {
    if (this.values.size === 0) return text
    this.index ??= indexed(this.values)
    const lower = lowerCase(text)
    let seen = ''
    let start = 0
    for (let at = 0; at <= text.length - MIN_LENGTH; at++) {
      const alike = this.index.get(lower.slice(at, at + MIN_LENGTH))
      const found = alike?.find((each) => this.isAt(each, lower, at))
      if (found === undefined) continue
      seen += text.slice(start, at) + REDACTED
      start = at + found.length
      at = start - 1
    }
    return seen + text.slice(start)
  }

  private isAt(value: string, text: string, at: number): boolean {
    this.compared += value.length
    return this.compared > MAX_COMPARED || text.startsWith(value, at)
  }
}

/** Some few letters become two: such a text stays as it is, for its places must stay the same. */
function lowerCase(text: string): string {
  const lower = text.toLowerCase()
  return lower.length === text.length ? lower : text
}

function indexed(values: ReadonlySet<string>): Map<string, string[]> {
  const index = new Map<string, string[]>()
  for (const value of [...values].sort((a, b) => b.length - a.length)) {
    const beginning = value.slice(0, MIN_LENGTH)
    const alike = index.get(beginning)
    if (alike) alike.push(value)
    else index.set(beginning, [value])
  }
  return index
}
