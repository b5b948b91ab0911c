import { cut } from './cut.ts'
import { harmless, type Place } from './harmless.ts'
import { REDACTED } from './report.ts'
import { hideSecrets, isSecretName } from './secrets.ts'

/** What may be seen in a report, besides what is known to be harmless. Names are compared without regard to case. */
export interface RedactOptions {
  /**
   * Names whose values may be seen; `true`: all but those that sound like a secret (`password`, `x-api-key`). With
   * `body: true` bodies that have no names, XML say, and JSON that does not parse are shown as text, too.
   */
  allow?: { readonly [Each in Place]?: readonly string[] | true }
  /** Names whose values must not be seen, wherever they stand and whatever else is allowed. */
  deny?: readonly string[]
  /**
   * Has the last word on each text that would be seen: gives back what to show. `path` says where it stands:
   * `request.headers.user-agent`, `request.body.value.user.name`, `error.message`. If it throws, or gives no string,
   * the part of the report that the text belongs to is left out.
   */
  replace?: (text: string, path: string) => string
}

/** Texts of a report are longer than this only where one word is. */
const MAX_LENGTH = 16 * 1024

/** JSON is looked into so deep. */
const MAX_DEPTH = 32

/** So long a value must be for it to be looked for in all other texts; one of a name that says secret, so long. */
const MIN_KNOWN = 8
const MIN_KNOWN_SECRET = 4

/** So many of them are looked for; those of a name that says secret come on top. */
const MAX_KNOWN = 200
const MAX_KNOWN_SECRET = 1_000

/**
 * The redaction of one report, in two passes: **by name**, which hides the values of all names that are not known to be
 * harmless, and remembers them; then **by look**, which hides in what is left those same values, and what looks like a
 * secret. So a password of the body does not survive in the message of an error either.
 */
export class Redaction {
  private readonly options: RedactOptions
  private readonly known = new Set<string>()
  private pattern: RegExp | undefined

  constructor(options: RedactOptions) {
    this.options = options
  }

  // --- by name --------------------------------------------------------------------------------------------------

  /** A value that has a name: what may be seen of it. */
  value<T extends string | number>(place: Place, name: string, value: T): T | typeof REDACTED {
    if (value === '' || this.allows(place, name)) return value
    this.remember(name, String(value))
    return REDACTED
  }

  headers(headers: Headers): Record<string, string> {
    const seen: Record<string, string> = Object.create(null)
    for (const [name, value] of headers) {
      const shown = this.header(name, value)
      seen[name] = name in seen ? `${seen[name]}, ${shown}` : shown
    }
    return { ...seen }
  }

  private header(name: string, value: string): string {
    if (this.allows('headers', name)) return value
    if (name === 'cookie')
      return value
        .split(';')
        .map((pair) => this.cookie(pair.trim()))
        .join('; ')
    if (name === 'set-cookie') return this.cookie(value.split(';')[0]!.trim())
    this.rememberCredentials(name, value)
    return this.value('headers', name, value)
  }

  private cookie(pair: string): string {
    const equals = pair.indexOf('=')
    if (equals < 0) return this.value('cookies', '', pair)
    const name = pair.slice(0, equals)
    return `${name}=${this.value('cookies', name, pair.slice(equals + 1))}`
  }

  /** `Bearer abc` is a secret as a whole, and `abc` is one by itself, while `Bearer` is none. */
  private rememberCredentials(name: string, value: string): void {
    const [scheme, ...rest] = value.split(' ')
    const credentials = rest.join(' ').trim()
    this.remember(name, credentials)
    if (scheme!.toLowerCase() !== 'basic') return
    try {
      for (const part of atob(credentials).split(':')) this.remember('password', part)
    } catch {
      // Not base64, so there is nothing in it.
    }
  }

  /** An address without credentials, taken apart so that its texts can be hidden by look. */
  url(address: string): SeenUrl {
    const url = new URL(address)
    this.remember('username', decode(url.username))
    this.remember('password', decode(url.password))
    const query = [...url.searchParams].map(
      ([name, value]) => [name, this.value('query', name, value)] as const,
    )
    return { origin: `${url.protocol}//${url.host}`, path: url.pathname.split('/').map(decode), query }
  }

  /** JSON, by the names of its properties at any depth; an item of an array goes by the name of the array. */
  json(place: Place, value: unknown, name = '', depth = 0): unknown {
    if (value === null || typeof value === 'boolean') return value
    if (typeof value !== 'object') return this.value(place, name, value as string | number)
    if (this.denies(name) || depth > MAX_DEPTH) {
      this.rememberAll(name, value)
      return REDACTED
    }
    if (Array.isArray(value)) return value.map((item) => this.json(place, item, name, depth + 1))
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, this.json(place, item, key, depth + 1)]),
    )
  }

  /** Whether texts that have no names may be seen. */
  allowsAll(place: Place): boolean {
    return this.options.allow?.[place] === true
  }

  private allows(place: Place, name: string): boolean {
    if (this.denies(name)) return false
    const lower = name.toLowerCase()
    const allowed = this.options.allow?.[place]
    if (allowed === true) return !isSecretName(name)
    return harmless[place].has(lower) || (allowed?.some((each) => each.toLowerCase() === lower) ?? false)
  }

  private denies(name: string): boolean {
    const lower = name.toLowerCase()
    return this.options.deny?.some((each) => each.toLowerCase() === lower) ?? false
  }

  private remember(name: string, value: string): void {
    const isSecret = isSecretName(name)
    if (this.known.size >= (isSecret ? MAX_KNOWN_SECRET : MAX_KNOWN)) return
    if (value.length < (isSecret ? MIN_KNOWN_SECRET : MIN_KNOWN)) return
    this.pattern = undefined
    for (const form of [value, JSON.stringify(value).slice(1, -1), encode(value)]) this.known.add(form)
  }

  private rememberAll(name: string, value: unknown): void {
    if (typeof value === 'string' || typeof value === 'number') this.remember(name, String(value))
    else if (typeof value === 'object' && value !== null) {
      for (const item of Object.values(value)) this.rememberAll(name, item)
    }
  }

  // --- by look --------------------------------------------------------------------------------------------------

  /** A part of the report with everything hidden in it that there is to hide, frozen. `path` is where it stands. */
  hide<T>(part: T, path: string): T {
    return this.look(part, path) as T
  }

  private look(part: unknown, path: string): unknown {
    if (typeof part === 'string') return this.text(part, path)
    if (typeof part !== 'object' || part === null) return part
    if (Array.isArray(part))
      return Object.freeze(part.map((item, index) => this.look(item, `${path}.${index}`)))
    const entries = Object.entries(part).map(
      ([name, item]) => [this.conceal(name), this.look(item, `${path}.${name}`)] as const,
    )
    return Object.freeze(Object.fromEntries(entries))
  }

  private text(text: string, path: string): string {
    if (text === REDACTED) return text
    const hidden = cut(this.conceal(text), MAX_LENGTH)
    const { replace } = this.options
    if (!replace) return hidden
    const replaced: unknown = replace(hidden, path)
    if (typeof replaced !== 'string') throw new TypeError(`redact.replace gave no string: ${typeof replaced}`)
    return replaced
  }

  private conceal(text: string): string {
    if (this.known.size === 0) return hideSecrets(text)
    // The longest first: one may be the beginning of another.
    this.pattern ??= new RegExp(
      [...this.known]
        .sort((a, b) => b.length - a.length)
        .map((each) => each.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
        .join('|'),
      'g',
    )
    return hideSecrets(text.replace(this.pattern, REDACTED))
  }
}

/** An address, by its parts, none of them escaped. */
export interface SeenUrl {
  readonly origin: string
  readonly path: readonly string[]
  readonly query: readonly (readonly [name: string, value: string])[]
}

/** The address again; what was hidden in it stands there as it is. */
export function joinUrl({ origin, path, query }: SeenUrl): string {
  const pairs = query.map(([name, value]) => `${component(name)}=${component(value)}`)
  const search = pairs.length > 0 ? `?${pairs.join('&')}` : ''
  return `${origin}${path.map(component).join('/')}${search}`
}

function component(text: string): string {
  return text
    .split(REDACTED)
    .map((part) => encode(part).replace(/%(?:3A|40|24|2C|3B)/g, decodeURIComponent))
    .join(REDACTED)
}

function encode(text: string): string {
  // Half of a surrogate pair has no encoding.
  return encodeURIComponent(text.replace(/\p{Surrogate}/gu, '\ufffd'))
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
