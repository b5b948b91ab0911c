import { InvalidOptionError } from '@curfew/core'
import type { ReportedRequest } from '@curfew/core/report'
import type { Given } from './given.ts'
import { lackOf, type Missing, missing } from './missing.ts'
import { lackOfPair, type Pair, replacePairs } from './replace-pairs.ts'
import { spellName } from './spelling.ts'

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/

/** Characters of Latin-1 that are no controls: as they are, they go onto the wire as bytes. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/

/** Made anew from the connection and the body, so nothing that could be given. */
const MADE: ReadonlySet<string> = new Set([
  ...['connection', 'content-length', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding'],
  ...['upgrade', 'http2-settings', 'expect'],
])

/** Left out unless given: of that connection, or what would make this request pass for that one. */
const LEFT_OUT: ReadonlySet<string> = new Set([
  ...MADE,
  ...['host', 'accept-encoding', 'proxy-authorization', 'proxy-authenticate'],
  ...['x-request-id', 'traceparent', 'tracestate'],
])

interface Rebuilt {
  /** By their names in lower case. */
  readonly headers: Map<string, string>
  readonly missing: readonly Missing[]
}

/** Whether something can be the name of a header, or a method. */
export function isToken(text: string): boolean {
  return TOKEN.test(text)
}

/**
 * The captured headers as they are to be sent.
 *
 * @throws {InvalidOptionError} for a header that cannot be given, or not so
 */
export function rebuildHeaders({ headers: captured = {} }: ReportedRequest, given: Given): Rebuilt {
  const values = givenHeaders(given)
  const headers = new Map<string, string>()
  const lacking: Missing[] = []
  for (const [name, value] of given.drop('header') ? [] : endToEnd(captured)) {
    if (given.drop('header', name)) continue
    headers.set(name, values.get(name) ?? value)
    if (values.has(name)) continue
    if (!isToken(name)) lacking.push(missing(`header.${spellName(name)}`, 'no name of a header', {}))
    else if (name === 'cookie' && VALUE.test(value)) lacking.push(...rebuildCookie(headers, given))
    else {
      const reason = lackOf(value) ?? (VALUE.test(value) ? undefined : 'not allowed in a header')
      if (reason) lacking.push(missing(`header.${name}`, reason))
    }
  }
  // There may be cookies to send although there were none.
  if (!headers.has('cookie')) rebuildCookie(headers, given)
  for (const [name, value] of values) headers.set(name, value)
  return { headers, missing: lacking }
}

/** What goes the whole way to the handler: without that of one connection, and what HTTP/2 makes headers of. */
function endToEnd(captured: Readonly<Record<string, string>>): Map<string, string> {
  const all = Object.entries(captured).map(([name, value]) => [name.toLowerCase(), value] as const)
  const connection = all.filter(([name]) => name === 'connection').flatMap(([, value]) => value.split(','))
  const hops = new Set(connection.map((each) => each.trim().toLowerCase()))
  const kept = new Map<string, string>()
  for (const [name, value] of all) {
    if (LEFT_OUT.has(name) || hops.has(name) || name.startsWith(':')) continue
    const known = kept.get(name)
    const separator = name === 'cookie' ? '; ' : ', '
    kept.set(name, known === undefined ? trim(value) : known + separator + trim(value))
  }
  return kept
}

/** A part of a `cookie` header; one without a name is as nothing but a value. */
interface Cookie extends Pair {
  readonly raw: string
}

/** Replaces the `cookie` header by what is to be sent, and gives back what is missing there. */
function rebuildCookie(headers: Map<string, string>, given: Given): readonly Missing[] {
  const captured = given.drop('cookie') ? '' : (headers.get('cookie') ?? '')
  const cookies = captured.split(';').map(trim).filter(Boolean).map(parseCookie)
  const anyGiven = given.values('cookie').size > 0
  // Where not even names are known, those that are given are all that there are.
  const known = cookies.filter(({ name, value }) => !(anyGiven && name === '' && lackOf(value)))
  const { pairs, missing: lacking } = replacePairs('cookie', known, given, makeCookie, (cookie) =>
    cookie.name === '' && lackOf(cookie.value)
      ? missing('header.cookie', 'redacted')
      : lackOfPair('cookie', cookie),
  )
  if (pairs.length > 0) headers.set('cookie', pairs.map(({ raw }) => raw).join('; '))
  else headers.delete('cookie')
  return lacking
}

function parseCookie(raw: string): Cookie {
  const equals = raw.indexOf('=')
  return equals < 0
    ? { name: '', value: raw, raw }
    : { name: raw.slice(0, equals), value: raw.slice(equals + 1), raw }
}

function makeCookie(name: string, value: string): Cookie {
  if (!isToken(name) || !VALUE.test(value) || value.includes(';')) {
    throw new InvalidOptionError('--set', 'a name and a value that a cookie may have', `cookie.${name}`)
  }
  return { name, value, raw: `${name}=${value}` }
}

function givenHeaders(given: Given): Map<string, string> {
  const headers = new Map<string, string>()
  for (const [name, [value = '', ...more]] of given.values('header')) {
    const option = `header.${name}`
    if (MADE.has(name)) throw new InvalidOptionError('--set', 'no header that is made from the rest', option)
    if (more.length > 0) throw new InvalidOptionError('--set', 'a header once', option)
    if (!isToken(name) || !VALUE.test(value)) {
      throw new InvalidOptionError('--set', 'a name and a value that a header may have', option)
    }
    headers.set(name, trim(value))
  }
  return headers
}

/** What HTTP takes for space around a value. In a loop, for an expression would try each space of a long text anew. */
function trim(value: string): string {
  let [start, end] = [0, value.length]
  while (start < end && isSpace(value[start])) start++
  while (end > start && isSpace(value[end - 1])) end--
  return value.slice(start, end)
}

function isSpace(character: string | undefined): boolean {
  return character === ' ' || character === '\t'
}
