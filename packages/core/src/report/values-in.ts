/**
 * What may be a value in a body, each with its name, whatever the body is said to be, and whether it is whole or not. It
 * is told to find these values again elsewhere, so there may be too many, but should not be too few.
 */
export function* valuesIn(text: string, contentType: string): Iterable<NamedValue> {
  const value = parseJson(text)
  if (value !== undefined) {
    yield* leavesOf('', value)
    // As they stand there: what JavaScript makes of them has fewer digits.
    for (const [digits] of text.matchAll(/\d{16,}/g)) yield ['', digits]
  } else if (/multipart/i.test(contentType)) {
    for (const [, name = '', value = ''] of text.matchAll(PART)) yield [name, value]
    for (const [, line = ''] of text.matchAll(FILE)) {
      const name = line.trimEnd().replace(/"$/, '')
      yield ['', name]
      yield ['', name.replace(/%(?:22|0D|0A)/gi, decodeURIComponent)]
    }
  } else {
    if (/urlencoded/i.test(contentType)) yield* new URLSearchParams(text)
    yield* tokens(text)
  }
}

type NamedValue = readonly [name: string, value: string]

/**
 * A part of a form: its name, and its value up to the next boundary. A cut one has none, and still takes up its line, for no
 * line should be looked through again and again.
 */
const PART = /;[ \t]*name="?([^"\r\n;]*)[^\r\n]*(?:\r?\n(?:[^\r\n]+\r?\n)*\r?\n((?:(?!\r?\n--)[\s\S])*))?/gi

/**
 * The name of a file, up to the end of its line, for not all escape what is odd in it, nor do all that read it agree.
 * Browsers escape three characters.
 */
const FILE = /;[ \t]*filename="?([^\r\n]*)/gi

/** A string of JSON, which may have no end, or a number. */
const TOKEN = /"([^"\\]*(?:\\.[^"\\]*)*)(?:"(\s{0,20}:)?|\\?$)|(?<![\w."])-?\d[\d.]*/gs

/** JSON may be in a string of JSON again, so often. */
const MAX_NESTED = 3

/** The texts and numbers in a value of JSON, at any depth; an item of an array goes by the name of the array. */
export function* leavesOf(rootName: string, root: unknown, nested = 0): Iterable<NamedValue> {
  const left: [name: string, value: unknown][] = [[rootName, root]]
  for (let next = left.pop(); next; next = left.pop()) {
    const [name, value] = next
    if (typeof value === 'object' && value !== null) {
      for (const [key, item] of Object.entries(value)) left.push([Array.isArray(value) ? name : key, item])
    } else if (typeof value === 'string' || typeof value === 'number') {
      yield [name, String(value)]
      const inner = nested < MAX_NESTED && looksLikeJson(String(value)) ? parseJson(String(value)) : undefined
      if (inner !== undefined) yield* leavesOf('', inner, nested + 1)
    }
  }
}

/** Of JSON that does not parse: its strings and numbers, each with the last name before it. */
function* tokens(text: string): Iterable<NamedValue> {
  let name = ''
  for (const [token, string, colon] of text.matchAll(TOKEN)) {
    const value = string === undefined ? token : unescaped(string)
    if (colon) name = value
    else yield [name, value]
  }
}

export function looksLikeJson(text: string): boolean {
  return /^\s*[[{]/.test(text)
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function unescaped(text: string): string {
  try {
    return JSON.parse(`"${text}"`)
  } catch {
    return text
  }
}
