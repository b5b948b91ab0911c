import { cut } from './cut.ts'
import { isDescribedError } from './describe-thrown.ts'
import { firstOf } from './first-of.ts'
import { harmless, type Place } from './harmless.ts'
import { inEverySpelling } from './in-every-spelling.ts'
import { KnownValues } from './known-values.ts'
import { REDACTED } from './report.ts'
import { hideSecrets } from './secrets/hide-secrets.ts'
import { isSecretName } from './secrets/is-secret-name.ts'
import { pathOf, type SeenUrl } from './seen-url.ts'
import { leavesOf, valuesIn } from './values-in.ts'

/** What may be seen in a report, besides what is known to be harmless. Names are compared without regard to case. */
export interface RedactOptions {
  /**
   * Names whose values may be seen; `true`: all but those that sound like a secret (`password`, `x-api-key`). With
   * `body: true` bodies that have no names, XML say, and JSON that does not parse are shown as text, too.
   */
  allow?: { readonly [Each in Place]?: readonly string[] | true }
  /**
   * Names whose values must not be seen, whatever else is allowed; and those of 4 characters and more nowhere else either,
   * as with names that say secret. (Of other names, it takes 8.)
   */
  deny?: readonly string[]
  /**
   * Has the last word on each text that would be seen: gives back what to show. `path` says where it stands:
   * `request.headers.user-agent`, `request.body.value.user.name`, `error.message`. If it throws, or gives no string,
   * the part of the report that the text belongs to is left out.
   */
  replace?: (text: string, path: string) => string
}

/** Longer texts are cut. */
const MAX_LENGTH = 16 * 1024

/** And of no text is more looked at: that takes its time, and what is hidden in it is told by what is around it. */
const MAX_LOOKED_AT = 24 * 1024

/** JSON is looked into so deep. */
const MAX_DEPTH = 32

/**
 * So long a value must be for it to be looked for in all other texts; one of a name that says secret, or is denied, so
 * long.
 */
const MIN_KNOWN = 8
const MIN_KNOWN_SECRET = 4

/**
 * The redaction of one report, in two passes: **by name**, which hides the values of all names that are not known to be
 * harmless, and remembers them; then **by look**, which hides in what is left those same values, and what looks like a
 * secret. So a password of the body does not survive in the message of an error either.
 */
export class Redaction {
  private readonly options: RedactOptions
  private readonly allowed: { readonly [Each in Place]?: ReadonlySet<string> | true }
  private readonly denied: ReadonlySet<string>
  private readonly known = new KnownValues()

  constructor(options: RedactOptions) {
    this.options = options
    const allowed = Object.entries(options.allow ?? {})
    this.allowed = Object.fromEntries(
      allowed.map(([place, names]) => [place, names === true || lowerCase(names)]),
    )
    this.denied = lowerCase(options.deny)
  }

  // --- by name --------------------------------------------------------------------------------------------------

  /** A value that has a name: what may be seen of it. */
  value<T extends string | number>(
    place: Place,
    name: string,
    value: T,
    names: ReadonlySet<string> = harmless[place],
  ): T | typeof REDACTED {
    if (value === '' || this.allows(place, name, names)) return value
    this.remember(name, String(value))
    return REDACTED
  }

  headers(headers: Headers): Record<string, string> {
    const seen: Record<string, string> = Object.create(null)
    for (const [name, value] of headers) {
      const shown = this.header(name, value)
      seen[name] = name in seen ? `${seen[name]}, ${shown}` : shown
    }
    return Object.fromEntries(firstOf(Object.entries(seen)))
  }

  private header(name: string, value: string): string {
    if (this.allows('headers', name, harmless.headers)) return value
    if (name === 'cookie' || name === 'set-cookie') {
      // After its own pair, the header of a response has attributes.
      const pairs = name === 'cookie' ? value.split(';') : value.split(';', 1)
      const seen = pairs.map((pair) => this.cookie(pair.trim())).join('; ')
      return this.denied.has(name) ? REDACTED : seen
    }
    for (const item of [value, ...value.split(',')]) this.rememberCredentials(name, item.trim())
    for (const part of value.split(/[\s,;="]+/)) this.known.add(part, MIN_KNOWN)
    this.remember(name, asUtf8(value))
    return this.value('headers', name, value)
  }

  private cookie(pair: string): string {
    const equals = pair.indexOf('=')
    if (equals < 0) return this.value('cookies', '', pair)
    const [name, value] = [pair.slice(0, equals).trim(), pair.slice(equals + 1).trim()]
    const [, unquoted] = /^"(.*)"$/.exec(value) ?? []
    return `${name}=${this.value('cookies', name, unquoted ?? value)}`
  }

  /** `Bearer abc` is a secret as a whole, and `abc` is one by itself, while `Bearer` is none. */
  private rememberCredentials(name: string, value: string): void {
    const [scheme, ...rest] = value.split(' ')
    const credentials = rest.join(' ').trim()
    this.remember(name, value)
    this.remember(name, credentials)
    if (scheme!.toLowerCase() !== 'basic') return
    const [, username = '', password = ''] = /^([^:]*):(.*)$/s.exec(decodeBase64(credentials)) ?? []
    this.remember('username', username)
    this.remember('password', password)
  }

  /** An address without credentials, taken apart so that its texts can be hidden by look. */
  url(address: string): SeenUrl {
    const url = new URL(address)
    this.remember('username', url.username)
    this.remember('password', url.password)
    const query = [...url.searchParams].map(
      ([name, value]) => [name, this.value('query', name, value)] as const,
    )
    return { origin: `${url.protocol}//${url.host}`, path: pathOf(url), query: firstOf(query) }
  }

  /**
   * JSON, by the names of its properties at any depth; an item of an array goes by the name of the array. What is
   * inside a property of an error is data like any other, unless that is an error.
   */
  json(
    place: Place,
    value: unknown,
    name = '',
    depth = 0,
    names: ReadonlySet<string> = harmless[place],
  ): unknown {
    if (value === null || typeof value === 'boolean') return value
    if (typeof value !== 'object') return this.leaf(place, name, value as string | number, names)
    if (depth > MAX_DEPTH || this.hidesAll(place, name, names)) {
      for (const [each, leaf] of leavesOf(name, value)) this.remember(each, leaf)
      return REDACTED
    }
    if (Array.isArray(value)) return value.map((item) => this.json(place, item, name, depth + 1, names))
    const isError = place === 'error' && isDescribedError(value)
    const inside = place !== 'error' || depth === 0 || isError ? harmless[place] : harmless.body
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => {
        if (isError && key === 'fields') return [key, this.json(place, item)]
        return [key, this.json(place, item, key, depth + 1, inside)]
      }),
    )
  }

  /** Of a path of an error, the query is shown no more than that of any other. */
  private leaf(
    place: Place,
    name: string,
    value: string | number,
    names: ReadonlySet<string>,
  ): string | number {
    const seen = this.value(place, name, value, names)
    if (place !== 'error' || typeof seen !== 'string' || !/^[^\s?/]*\/[^\s?]*\?/.test(seen)) return seen
    const [path, ...query] = seen.split('?')
    for (const [name, value] of new URLSearchParams(query.join('?'))) this.remember(name, value)
    return `${path}?${REDACTED}`
  }

  /** A body, of which nothing may be shown: what may be a value in it is hidden elsewhere. */
  body(text: string, contentType: string): void {
    for (const [name, value] of valuesIn(text, contentType)) this.value('body', name, value)
  }

  /** Whether texts that have no names may be seen. */
  allowsAll(place: Place): boolean {
    return this.allowed[place] === true
  }

  private allows(place: Place, name: string, names: ReadonlySet<string>): boolean {
    const lower = name.toLowerCase()
    if (this.denied.has(lower)) return false
    const allowed = this.allowed[place]
    if (allowed === true) return !isSecretName(name)
    return names.has(lower) || (allowed?.has(lower) ?? false)
  }

  /** Whether nothing may be seen of what an object of this name is made of, whatever the names are in it. */
  private hidesAll(place: Place, name: string, names: ReadonlySet<string>): boolean {
    if (this.denied.has(name.toLowerCase())) return true
    return isSecretName(name) && !this.allows(place, name, names)
  }

  private remember(name: string, value: string): void {
    const isSecret = isSecretName(name) || this.denied.has(name.toLowerCase())
    this.known.add(value, isSecret ? MIN_KNOWN_SECRET : MIN_KNOWN)
  }

  // --- by look --------------------------------------------------------------------------------------------------

  /** A part of the report with everything hidden in it that there is to hide, frozen. `path` is where it stands. */
  hide<T>(part: T, path: string): T {
    if (path === 'request.url' && part) return this.hideUrl(part as never) as T
    return this.look(part, path, path === 'request.headers') as T
  }

  private hideUrl({ origin, path, query }: SeenUrl): SeenUrl {
    // All of it at once, for a secret may have slashes, escaped or not.
    const written = path.join('/')
    const read = written.replaceAll('%2F', '/')
    const seen = this.text(read, 'request.url.path')
    return {
      origin: this.text(origin, 'request.url.origin'),
      path: (seen === read ? written : seen).split('/'),
      query: query.map(([name, value]) => [
        this.conceal(name),
        this.text(value, `request.url.query.${name}`),
      ]),
    }
  }

  /** @param isData whether the names, too, come from outside; those of the report itself must stay */
  private look(part: unknown, path: string, isData: boolean): unknown {
    if (typeof part === 'string') return this.text(part, path)
    if (typeof part === 'number') return isData && this.known.has(String(part)) ? REDACTED : part
    if (typeof part !== 'object' || part === null) return part
    if (Array.isArray(part)) {
      return Object.freeze(part.map((item, index) => this.look(item, `${path}.${index}`, isData)))
    }
    const entries = Object.entries(part).map(([name, item]) => {
      const at = `${path}.${name}`
      if (isData) return [this.conceal(name), this.look(item, at, true)] as const
      return [name, isFixed(name) ? item : this.look(item, at, holdsData(name, item))] as const
    })
    return Object.freeze(Object.fromEntries(entries))
  }

  private text(text: string, path: string): string {
    if (text === REDACTED) return text
    const hidden = cut(this.conceal(cut(text, MAX_LOOKED_AT)), MAX_LENGTH)
    const { replace } = this.options
    if (!replace) return hidden
    const replaced: unknown = replace(hidden, path)
    if (typeof replaced !== 'string') throw new TypeError(`redact.replace gave no string: ${typeof replaced}`)
    return replaced
  }

  private conceal(text: string): string {
    return inEverySpelling(text, (read) => hideSecrets(this.known.hide(read)))
  }
}

function lowerCase(names: readonly string[] = []): ReadonlySet<string> {
  return new Set(names.map((name) => name.toLowerCase()))
}

/** What says of which kind the rest is. */
function isFixed(name: string): boolean {
  return name === 'kind' || name === 'sha256'
}

/** The fields of a form are a list, with names of its own. */
function holdsData(name: string, value: unknown): boolean {
  return name === 'headers' || name === 'value' || (name === 'fields' && !Array.isArray(value))
}

/** What is no base64 has nothing in it. */
function decodeBase64(text: string): string {
  try {
    return asUtf8(atob(text))
  } catch {
    return ''
  }
}

/** A text of which each character is a byte, as those who decode it again will read it. */
function asUtf8(text: string): string {
  return new TextDecoder().decode(Uint8Array.from(text, (char) => char.charCodeAt(0)))
}
