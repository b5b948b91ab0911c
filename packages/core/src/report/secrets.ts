import { REDACTED } from './report.ts'

/**
 * Replaces what is recognisably a secret by `[redacted]`, and keeps what is around it. Secrets are known by their own
 * shape (a JWT, a private key), by what stands before them (`Bearer`, `://user:`), or by the name that they are the
 * value of. What was hidden once stays as it is.
 *
 * It takes time in proportion to the length of the text, whatever the text is: a pattern either begins where no other
 * attempt has begun, looks at a limited number of characters, or cannot fail after it has begun.
 *
 * @example
 * ```ts
 * hideSecrets('connect postgres://app:hunter2@db/app') // connect postgres://[redacted]@db/app
 * hideSecrets('401 for Authorization: Bearer abc.def') // 401 for Authorization: Bearer [redacted]
 * ```
 */
export function hideSecrets(text: string): string {
  let hidden = text.replace(SHAPES, REDACTED)
  for (const find of [findCards, findPairs, findElements]) hidden = hide(hidden, find(hidden))
  return hidden
}

/**
 * Whether what has this name (a header, field, property, option or variable, in any case style) is a secret:
 * `db_password`, `X-API-Key` and `sessionId` are, `tokenizer`, `session_count` and `InvalidTokenError` are not.
 *
 * @example
 * ```ts
 * isSecretName('clientSecret') // true
 * isSecretName('passwordLength') // false
 * ```
 */
export function isSecretName(name: string): boolean {
  const words = toWords(name.slice(-LONGEST_NAME))
  return SECRET_NAME.test(words) && !ABOUT_A_SECRET.test(words)
}

// --- by the name ------------------------------------------------------------------------------------------------

/** More than any name has; of a longer one, the end counts. */
const LONGEST_NAME = 128

/** `X-API-Key2` as `_x_api_key_`: lower case, an underscore around each word, no digits. */
function toWords(name: string): string {
  const words = name
    .replace(/\d+/g, '')
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1_$2')
    .replace(/[^A-Za-z]+/g, '_')
  return `_${words.toLowerCase()}_`
}

/** What says secret in a name. Whole words where the letters are part of harmless ones: `author`, `passed`, `spinner`. */
const SECRET_NAME: RegExp = any([
  /pass_?(?:word(?!less)|wd|phrase|code)|_(?:pass|pw)_|pwd_/,
  /secret(?!ar|ion)|credential|_creds?_/,
  /tokens?_|_jwt_|_bearer_|csrf|xsrf/,
  /_o?auth_|auth_?(?:key|code)_|authorization/,
  /cookies?_|_session_|sess(?:ion)?_?(?:id|key)|_sid_/,
  /(?:api|app|access|account|client|consumer|service|server|functions?|subscription|licen[cs]e|webhook)_?keys?_/,
  /(?:private|secret|shared|master|root|ssh|aes|hmac|(?:en|de)cryption|signing|session)_?keys?_/,
  /signature_|_sig_|code_verifier|client_assertion|saml_?response/,
  /_[ht]?otp_|_pin_|(?:security|verification|mfa|recovery|backup)_codes?_|mnemonic|(?:seed|recovery)_phrase/,
  /_c(?:vv|vc)_|_ssn_|social_security|card_?(?:number|no|num)_|credit_?card_|_cc_?(?:number|no|num)_/,
])

/** Names that speak about a secret (how many, how long, where, whether) and do not hold it. */
const ABOUT_A_SECRET: RegExp = any([
  /^_(?:is|has|had|no|not|with|without|max|min|num|total|allow|needs?|invalid|missing|bad|wrong|unknown|unexpected)_/,
  /_(?:counts?|len|length|size|limit|max|min|rate|percent|age|ttl|timeout|idle|ms|secs?|seconds|minutes|days)_$/,
  /_(?:at|in|on|date|time|expiry|expires?|expired|expiration|status|version|strength|polic(?:y|ies)|rules?)_$/,
  /_(?:enabled|disabled|required|missing|invalid|valid|mismatch|errors?|exception|failed|failure|found|consent)_$/,
  /_(?:name|names|type|kind|field|format|algorithm|alg|method|mechanism|mode|scheme|strategy|provider|schema)_$/,
  /_(?:file|path|dir|url|uri|endpoint|host|port|server|service|source|domain|store|storage|users?|username)_$/,
  /client_id_$|allow_credentials_$|_(?:prompt|completion|input|output|cached|reasoning|used)_tokens_$/,
])

// --- by the shape -----------------------------------------------------------------------------------------------

/** Words that a sentence goes on with where a secret could be: `Invalid token: must be a string`. */
const PROSE: string = [
  "a an and are at be but by can can't cannot could does empty error expected expired failed for from got",
  'had has header if in incorrect invalid is it malformed may mismatch missing must no not of on or please',
  'received rejected required requires revoked should string the this to too unable undefined unexpected',
  'unknown unsupported value was were when while will with wrong you your',
]
  .flatMap((line) => line.split(' '))
  .join('|')

/** Known wherever they stand: their first characters are like nothing else. */
const ANYWHERE: Readonly<Record<string, RegExp>> = {
  // Any label, to its end; if it is cut off, to the end of the string that it is in, or to the stack.
  'private key':
    /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY[A-Z ]{0,10}-----(?:(?:[^-]|-(?!----(?:BEGIN|END)))*-----END[^-\r\n]{0,60}-----|(?:(?!-----BEGIN|\n[ \t]{0,8}at )[^"'`<]|["'`]\s{0,4}\+\s{0,20}["'`])*)/,
  // To the last @ before the path, for a password may have one; of quotes, those that do not close a string.
  'user and password in a URL':
    /(?<=:\/\/)[^\s/?#"'`<>:@[]*:(?:(?!\[redacted\])[^\s/?#"'`<>]|["'`](?![\s,:;)\]}]))*(?=@)/,
  // The URL of a message that complains about it: a password with a /, ? or # that should have been escaped.
  'broken password in a URL':
    /(?<=:\/\/)[^\s/?#"'`<>:@[]{1,100}:(?!\/|\d{1,5}[/?#])(?:(?!\[redacted\])[^\s"'`<>]){1,200}(?=@[\w.-])/,
  // Sentry's DSN, for one. A short name is a user's: ssh://git@host.
  'key in a URL': /(?<=:\/\/)[\w-]{20,}(?=@)/,
  // The id, and the secret where it follows at once, as in the file that AWS hands out.
  'AWS access key': /(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\w*(?:["'\s,:;|]{1,4}[A-Za-z0-9+/]{40,})?/,
  // Both cases, for 40 characters of one case are a git commit; and a name nearby.
  'AWS secret key':
    /(?<=(?:aws|AWS|[Ss]ecret|SECRET)[\w -]{0,30}["'\s:=>,]{1,4})(?=[a-z0-9+/]{0,39}[A-Z])(?=[A-Z0-9+/]{0,39}[a-z])[A-Za-z0-9+/]{40}[\w+/=]*/,
  GitHub: /(?:gh[oprsu]_|github_pat_)\w{8,}/,
  GitLab: /gl(?:pat|ptt|rt|dt|oas|cbt|agent|soat)-[\w-]{8,}(?:\.[\w-]+){0,3}/,
  Slack: /xox[a-z](?:\.[a-z]+)?-[\w-]{8,}|xapp-[\w-]{8,}|(?<=hooks\.slack\.com\/[a-z]{1,20}\/)[\w/+-]+/,
  // What is public (pk_live_) stays.
  Stripe: /[rs]k_(?:live|test|prod)_\w{8,}|whsec_[\w+/]{8,}={0,2}/,
  Google: /AIza[\w-]{8,}|ya29\.[\w.-]{8,}|GOCSPX-[\w-]{8,}/,
  Shopify: /shp(?:at|ca|pa|ss)_\w{8,}/,
  // The number of the bot, then A and 34 more. In a URL, the word bot is before it.
  Telegram: /(?<!\d)\d{6,12}:A(?:A[\w-]{8,}|[\w-]{30,})/,
  Discord: /(?<=discord(?:app)?\.com\/api\/webhooks\/)[\w/-]+/,
  Azure: /\dQ~[\w~.-]{30,}/,
  'others that name their issuer':
    /(?:pypi-|dckr_[op]at_|hv[brs]\.|glsa_|do[opr]_v1_|lin_api_|PMAK-|NRAK-|ATATT3|pscale_[a-z]{2,5}_|sntry[su]_|pplx-|AGE-SECRET-KEY-)[\w.=-]{16,}/,
}

/** Known at the beginning of a word: elsewhere their letters are part of other words (`surveyJson`, `task-`). */
const AT_WORD: Readonly<Record<string, RegExp>> = {
  // eyJ is {" in base64. Three parts, five, one of them empty, or fewer where the text was cut.
  JWT: /eyJ[\w+/-]{8,}={0,2}(?:\.{1,2}[\w-]+){0,4}/,
  // OpenAI, Anthropic and those who followed. With a digit or a capital, for sk-fading-circle is a style.
  'sk- key': /sk-(?=[\w-]{0,40}[A-Z0-9])[\w-]{16,}/,
  // No underscore: npm_config_registry is a setting.
  npm: /npm_[A-Za-z0-9]{16,}/,
  SendGrid: /SG\.[\w-]{16,}(?:\.[\w-]+)?/,
  Twilio: /SK[0-9a-f]{32}\w*/,
  Mailgun: /key-[0-9a-f]{32}\w*/,
  'Hugging Face, Groq, Databricks': /(?:hf_|gsk_|dapi)[A-Za-z0-9]{30,}/,
}

/** Known by the scheme before them, as in an `Authorization` header, wherever it is told about. */
const AFTER_SCHEME: Readonly<Record<string, string>> = {
  // Anything but a word that makes a sentence of it, or a challenge, which is no secret.
  bearer: String.raw`(?<=${after('bearer')})(?!${anyCase(
    `(?:${PROSE}|null|tokens?|auth|authentication|authorization|credentials?|format|prefix|scheme|type)`,
  )}(?![\w~+/=-])|(?:realm|error|scope)=)[^\s"'\x60<>()[\]{},;\\&]+`,
  // Base64 has capitals here and there, or = at the end: Basic JavaScript is none.
  basic: String.raw`(?<=${after('basic|negotiate|ntlm')})(?=[\w+/-]{0,60}(?:=|[a-z0-9][A-Z][\w+/-]{0,60}[a-z0-9][A-Z]))[\w+/-]{8,}={0,2}`,
  // Words of prose as well, so only what has digits and letters, and is no date.
  token: String.raw`(?<=${after('token|api[-_ ]?key')})(?<!(?<![^\s("'\x60])${anyCase('unexpected token')} ["'\x60]?)(?!\d{4}-\d\d-\d\d)(?=[\w.~+/=-]{0,40}\d)(?=[\w.~+/=-]{0,40}[A-Za-z])[A-Za-z0-9][\w.~+/=-]{7,}`,
  // Everything it lists.
  'scheme with parameters':
    String.raw`(?<=${after('digest|oauth|hawk|signature|aws4-hmac-sha256')})PARAMETER(?:,[ \t]{0,4}PARAMETER)*`.replaceAll(
      'PARAMETER',
      String.raw`[\w-]{1,40}=(?:\\{0,7}"[^"\r\n]*"?|[^\s,"]*)`,
    ),
}

function anyCase(words: string): string {
  return words.replace(/[a-z]/g, (letter) => `[${letter}${letter.toUpperCase()}]`)
}

/** The scheme and the space after it, and perhaps a quote. */
function after(schemes: string): string {
  return String.raw`(?<![A-Za-z])(?:${anyCase(schemes)})[ \t]{1,4}["'\x60]?`
}

/** Where a word begins, be it after a line break that is escaped, or a space in a URL. */
const WORD = String.raw`(?:(?<![A-Za-z0-9])|(?<=\\[nrt])|(?<=%[0-9A-Fa-f]{2}))`

const SHAPES: RegExp = new RegExp(
  [
    ...Object.values(ANYWHERE).map((shape) => shape.source),
    `${WORD}(?:${any(Object.values(AT_WORD)).source})`,
    ...Object.values(AFTER_SCHEME),
  ].join('|'),
  'g',
)

function any(patterns: readonly RegExp[]): RegExp {
  return new RegExp(patterns.map((pattern) => pattern.source).join('|'))
}

// --- by what it is the value of ---------------------------------------------------------------------------------

/** Where a secret is in a text: from this index, up to that one. */
type Span = readonly [from: number, to: number]

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
  /** The little that stands before the name. */
  readonly before: string
}

function* findPairs(text: string): Iterable<Span> {
  let done = 0
  for (const match of text.matchAll(NAME)) {
    const [all, option = '', word = option, closing = '', sign = ''] = match
    const { index } = match
    if (index < done) continue
    const before = text.slice(Math.max(done, index - 24), index)
    const name = secretName(word, before)
    if (!name) continue
    const span = findValue(text, index + all.length, { name, sign, closing, spaced: /\s$/.test(all), before })
    if (!span || span[0] === span[1]) continue
    yield span
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
  const first = /^(?:keys?|phrase|number|code)$/i.test(word) && /[\w-]+ $/.exec(before)?.[0]
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
  /\[(?!redacted\])(?:\s*(?=["'`]|\[redacted\])(?:\[redacted\]|[^\]])*|(?:\[redacted\]|[^\]\r\n]){1,2000}(?=\](?!\w)|$))/y

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
  if (quote && !closing && endsText(quote, text, at)) return undefined
  const from = inside + matchAt(SCHEME, text, inside).length
  if (quote) return [from, endOfQuoted(text, from, quote)]

  const word = matchAt(WORD_VALUE, text, from)
  if (LITERAL.test(word) || (spaced && /^:?$/.test(sign) && SENTENCE.test(word))) return undefined
  // A host and its port: connect ECONNREFUSED auth:8080, http://auth:8080/health.
  const port = before.endsWith('//') ? /^\d{2,5}(?!\w)/ : /^\d{2,5}$/
  if (sign === ':' && !spaced && /^(?:auth|sessions?)$/.test(name) && port.test(word)) return undefined

  const array = matchAt(ARRAY, text, from)
  if (array) return [from + 1, from + array.length]
  if (matchAt(OBJECT, text, from)) return undefined

  if (from > at || sign !== ':' || !WHOLE_LINE.test(name)) return [from, from + word.length]
  const line = at + matchAt(LINE, text, at).length
  const opening = !closing && /\\{0,7}["'`]$/.exec(before)?.[0]
  return [at, opening ? Math.min(line, endOfQuoted(text, at, opening)) : line]
}

/** Whether this quote closes a text with the name in it, `"Wrong password: ", ...`, and does not open a value. */
function endsText(quote: string, text: string, at: number): boolean {
  if (!/^[\s,;)}\]]?$/.test(text.charAt(at + quote.length))) return false
  const before = text.slice(Math.max(0, at - 1_000), at).split(/[\r\n]/)
  return before.at(-1)!.split(quote).length % 2 === 0
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

/** `<password>hunter2</password>`, with any prefix and attributes. */
function* findElements(text: string): Iterable<Span> {
  for (const { index, 0: all, 1: name, 2: value } of text.matchAll(
    /<(?:[\w-]+:)?([\w-]+)(?:\s[^<>]*)?(?<![=-])>([^<]+)<\//g,
  )) {
    const to = index + all.length - 2
    if (value!.trim() && isSecretName(name!)) yield [to - value!.length, to]
  }
}

// --- by its digits ----------------------------------------------------------------------------------------------

/** Lengths and first digits of cards. */
const CARD: RegExp = any([
  // Visa
  /^4\d{12}(?:\d{3}){0,2}$/,
  // Mastercard
  /^(?:5[1-5]|2[2-7])\d{14}$/,
  // American Express
  /^3[47]\d{13}$/,
  // Diners Club
  /^3(?:0[0-5]|[689]\d)\d{11,16}$/,
  // JCB
  /^35\d{14,17}$/,
  // Discover, UnionPay, RuPay
  /^6(?:011|[245]\d\d)\d{12,15}$/,
  // Maestro
  /^(?:50[123]\d|5[678]\d\d|6304|6759|676\d)\d{9,15}$/,
])

/** As they are written: in one piece, or in groups of equal space. Longest first, for another number may follow. */
const CARD_FORMS: readonly RegExp[] = [
  /\d{13,19}(?!\d)/y,
  ...[3, 2, 1].map(
    (more) => new RegExp(String.raw`\d{4,6}([- \xA0])\d{3,7}(?:\1\d{2,7}){${more}}(?!\d)`, 'y'),
  ),
]

const CARD_START: RegExp = new RegExp(String.raw`${WORD}(?<!\d\.)(?=[2-6]\d{3}(?:[- \xA0]?\d){9})`, 'g')

function* findCards(text: string): Iterable<Span> {
  let done = 0
  for (const { index } of text.matchAll(CARD_START)) {
    if (index < done) continue
    const found = CARD_FORMS.map((form) => matchAt(form, text, index)).find(isCard)
    if (!found || /^(?:[A-Za-z]|\.\d)/.test(text.slice(index + found.length, index + found.length + 2)))
      continue
    done = index + found.length
    yield [index, done]
  }
}

function isCard(written: string): boolean {
  const digits = written.replace(/\D/g, '')
  return CARD.test(digits) && passesLuhn(digits)
}

/** Every second digit from the right counts twice; the sum of all digits ends with 0. */
function passesLuhn(digits: string): boolean {
  let sum = 0
  for (let at = 1; at <= digits.length; at++) {
    const digit = Number(digits.at(-at)) * (at % 2 ? 1 : 2)
    sum += digit > 9 ? digit - 9 : digit
  }
  return sum % 10 === 0
}

// --- all of them ------------------------------------------------------------------------------------------------

function hide(text: string, spans: Iterable<Span>): string {
  let hidden = ''
  let done = 0
  for (const [from, to] of spans) {
    hidden += text.slice(done, from) + REDACTED
    done = to
  }
  return hidden + text.slice(done)
}

/** What the pattern, a sticky one, finds at this very place; nothing, if it finds nothing. */
function matchAt(pattern: RegExp, text: string, at: number): string {
  pattern.lastIndex = at
  return pattern.exec(text)?.[0] ?? ''
}
