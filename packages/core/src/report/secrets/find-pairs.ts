import { REDACTED } from '../report.ts'
import { isSecretName } from './is-secret-name.ts'
import { matchAt, PROSE, type Span } from './patterns.ts'

/** `name=`, `"name": `, `\"name\":`, `[name] =>`, `(name)=(`, `name%3D`, `--name `. Its value may follow. */
const NAME =
  /(?<![\w-])(?:(--[A-Za-z][\w-]*)[ \t]{1,4}(?![-=:])|([\w-]+)((?:\\{0,7}["'`]|\]|%22|%5[Dd]){0,2}|\)(?==\())[ \t]{0,16}(=>|:=|={1,3}|:(?!:|\/\/)|%3[ADad])[ \t]{0,16})/g

/** What is known of a value before it is looked at. */
interface Context {
  readonly name: string
  /** What stands between the name and the value: `=` or `:`, say. */
  readonly sign: string
  /** What closes the name: a quote, or a bracket. */
  readonly closing: string
  /** Whether there is space before the value. */
  readonly spaced: boolean
  /** What is shown before the name, as far as it is looked at. */
  readonly before: string
}

/** So many characters before a name tell whether it is inside of a quoted text. */
const LOOK_BACK = 1_000

/** The values of names that say secret: `password=…`, `"apiKey": "…"`, `Cookie: …`. */
export function* findPairs(text: string): Iterable<Span> {
  let done = 0
  let shown = ''
  for (const match of text.matchAll(NAME)) {
    const [all, option = '', word = option, closing = '', sign = ''] = match
    const { index } = match
    if (index < done) continue
    const name = secretName(word, text.slice(Math.max(done, index - 24), index))
    if (!name) continue
    const before = (shown + text.slice(Math.max(done, index - LOOK_BACK), index)).slice(-LOOK_BACK)
    const at = index + all.length
    const span = findValue(text, at, { name, sign, closing, spaced: /\s$/.test(all), before })
    if (!span || span[0] === span[1]) continue
    yield span
    shown = (before + text.slice(index, span[0]) + REDACTED).slice(-LOOK_BACK)
    done = span[1]
  }
}

/** The name that ends with this word, if it says secret. */
function secretName(word: string, before: string): string | undefined {
  // A parser's message: Unexpected token: punc.
  if (/(?<![^\s("'`])unexpected $/i.test(before)) return undefined
  if (isSecretName(word)) return word
  // What begins it belongs to an escape: \npin=, \u0026sid=, %26sid=.
  const rest = /\\$/.test(before) ? word.replace(/^(?:[nrt]|u[\da-f]{4})/i, '') : word
  const name = /%$/.test(before) ? word.replace(/^[\da-f]{2}/i, '') : rest
  if (isSecretName(name)) return name
  // In two words: API key, pass phrase.
  const first = /^(?:keys?|phrase|number|code)$/i.test(word) && /(?<![\w-])[\w-]+ $/.exec(before)?.[0]
  return first && isSecretName(first + word) ? first + word : undefined
}

const QUOTE = /\\{0,7}["'`]/y

/** It stays in front of what it is the scheme of. */
const SCHEME =
  /(?:bearer|basic|digest|token|api-?key|negotiate|ntlm|oauth|hawk|signature|dpop|sharedkey(?:lite)?|aws4-hmac-sha256)(?:[ \t]{1,4}(?=\S)|(?=[\r\n]|$))/iy

/** Values of more than one word. */
const WHOLE_LINE = /^(?:(?:proxy-)?authorization|(?:set-)?cookies?2?|pass[-_ ]?phrase|mnemonic)$/i
const LINE = /(?:[^\r\n\\]|\\(?![rn]))*/y

/** A list up to its bracket, or to the end of the text. On several lines if its first item is quoted. */
const ARRAY =
  /\[(?!redacted\])(?:\s*(?=["'`]|\[redacted\])(?:\[redacted\]|[^\]])*|(?:\[redacted\]|[^[\]\r\n])+(?=\](?!\w)|$))/y

/** Its properties have names, by which they are found. */
const OBJECT = /\{(?:[\s"'`{}]|$|[\w-]{1,80}[ \t]{0,4}[:=])|\[(?:\s|$)/y

/** What a word without quotes ends with; inside of it, each of them may be a part of it. */
const ENDING = String.raw`[,;&|<>)\]}."'\x60]|\\[nrt]`

const WORD_VALUE: RegExp = new RegExp(
  [
    String.raw`(?:\[redacted\]`,
    String.raw`[^\s,;&|<>)\]}."'\x60\\]`,
    String.raw`\\(?![nrt"'\x60])`,
    // Not if the text ends with it, or the next name and value begin behind it.
    String.raw`(?:${ENDING})+(?!\s|$|${ENDING}|\\["'\x60]|(?<=<)\/|(?<=[,;&|"'\x60]|\\[nrt])(?:amp;)?[\w.-]{1,40}\\{0,7}["'\x60]?[=:]))+`,
  ].join('|'),
  'y',
)

function findValue(text: string, at: number, context: Context): Span | undefined {
  const { name, sign, closing, spaced, before } = context
  if (closing === ')') return [at + 1, at + matchAt(/\([^)\r\n]*/y, text, at).length]

  const quote = matchAt(QUOTE, text, at)
  const inside = at + quote.length
  if (quote && !closing && endsText(quote, before, text.charAt(inside))) return undefined
  const from = inside + matchAt(SCHEME, text, inside).length
  if (quote) return [from, endOfQuoted(text, from, quote)]

  // What is no word is told by how it begins: to look for its end each time would take for ever.
  const array = matchAt(ARRAY, text, from)
  if (array) return [from + 1, from + array.length]
  if (matchAt(OBJECT, text, from)) return undefined
  // A host and its port: connect ECONNREFUSED auth:8080, http://auth:8080/health.
  const isHost = sign === ':' && !spaced && /^(?:auth|sessions?)$/.test(name)
  if (isHost && before.endsWith('//') && matchAt(/\d{2,5}(?!\w)/y, text, from)) return undefined

  const word = matchAt(WORD_VALUE, text, from)
  if (LITERAL.test(word) || (spaced && /^:?$/.test(sign) && SENTENCE.test(word))) return undefined
  if (isHost && /^\d{2,5}$/.test(word)) return undefined

  if (from > at || sign !== ':' || !WHOLE_LINE.test(name)) return [from, from + word.length]
  const line = at + matchAt(LINE, text, at).length
  const opening = !closing && /\\{0,7}["'`]$/.exec(before)?.[0]
  return [at, opening ? Math.min(line, endOfQuoted(text, at, opening)) : line]
}

/** Whether this quote closes a text with the name in it, `"Wrong password: ", ...`, and does not open a value. */
function endsText(quote: string, before: string, after: string): boolean {
  if (!/^[\s,;)}\]]?$/.test(after)) return false
  const line = before.split(/[\r\n]/).at(-1)!
  return line.split(quote).length % 2 === 0
}

/** What is there instead of a value: nothing, or a place for one in a query. */
const LITERAL = /^(?:null|undefined|true|false|nil|none|NaN|\?|%s|\$\d{1,3}|\$\{[\w.]{1,60}\}?)$/i

const SENTENCE: RegExp = new RegExp(`^(?:${PROSE})[:!?]?$`, 'i')

/** A quoted text ends with the quote that is escaped as often as the one that opened it, or with the line. */
function endOfQuoted(text: string, from: number, quote: string): number {
  const opening = quote.length - 1
  let escapes = 0
  for (let at = from; at < text.length; at++) {
    const char = text[at]
    if (char === '\\') escapes++
    else if (char === '\n' || char === '\r') return at
    else {
      // Inside of it, each backslash and each quote is escaped once more.
      const closes = escapes < opening || escapes % (2 * opening + 2) === opening
      if (char === quote.at(-1) && closes) return at - Math.min(escapes, opening)
      escapes = 0
    }
  }
  return text.length
}
