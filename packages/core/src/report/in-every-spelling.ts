import { decode } from './seen-url.ts'

/**
 * What `hide` hides in a text, and in what is escaped in it, for an address or for JSON: where there is something to
 * hide in that, the text is given back as it was read to find it.
 */
export function inEverySpelling(text: string, hide: (text: string) => string): string {
  let seen = hide(text)
  for (const readAs of [decodePercent, unescapeJson, (text: string) => unescapeJson(decodePercent(text))]) {
    const read = readAs(seen)
    const hidden = read === seen ? seen : hide(read)
    if (hidden !== read) seen = hidden
  }
  return seen
}

function decodePercent(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, decode)
}

function unescapeJson(text: string): string {
  return text.replace(/\\(?:u[0-9a-f]{4}|["\\/bfnrt])/gi, (escaped) => {
    try {
      return JSON.parse(`"${escaped}"`)
    } catch {
      // An upper-case letter, say.
      return escaped
    }
  })
}
