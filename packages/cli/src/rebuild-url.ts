import { InvalidOptionError } from '@curfew/core'
import { REDACTED } from '@curfew/core/report'
import { CannotSendError } from './cli-error.ts'
import type { Given } from './given.ts'
import { type Missing, missing } from './missing.ts'
import { type Pair, replacePairs } from './replace-pairs.ts'

interface Rebuilt {
  /** `http://127.0.0.1:3000` */
  readonly origin: string
  /** Path and query as they go onto the wire. */
  readonly path: string
  readonly missing: readonly Missing[]
}

/** A part of a query as it stands there, so that nothing of it changes that need not. */
interface QueryPair extends Pair {
  readonly raw: string
}

/**
 * The captured path and query, on the origin and below the path of `to`; without it, where they were.
 *
 * @throws {CannotSendError} if what was captured is no URL of HTTP
 */
export function rebuildUrl(captured: string, given: Given, to: URL | undefined): Rebuilt {
  // Of an address that could not be told, the path can be given.
  const url = parseUrl(captured === REDACTED && to ? `/${REDACTED}` : captured)
  const path = given.whole('path')
  if (path !== undefined && !isPath(path))
    throw new InvalidOptionError('--set', 'path=/PATH with no query', 'path')
  const pathname = path === undefined ? url.pathname : new URL(`http://localhost${path}`).pathname
  const hidden = path === undefined && decodeHidden(pathname).includes(REDACTED)
  const { pairs, missing: lacking } = given.drop('query')
    ? { pairs: [], missing: [] }
    : replacePairs('query', parseQuery(url.search), given, queryPair)
  const query = pairs.map(({ raw }) => raw).join('&')
  return {
    origin: (to ?? url).origin,
    path: `${to ? to.pathname.replace(/(?<!\/)\/+$/, '') : ''}${pathname}${query && `?${query}`}`,
    missing: hidden
      ? [missing('path', 'redacted', { value: '/PATH', droppable: false }), ...lacking]
      : lacking,
  }
}

/**
 * Where requests are sent to.
 *
 * @throws {InvalidOptionError} for what is no URL of HTTP, or has more than an origin and a path
 */
export function parseTarget(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const bare = url && url.username === '' && url.password === ''
  if (!url || !isHttp(url) || !bare || url.search !== '' || url.hash !== '') {
    const shown = url && !bare ? 'one with credentials' : text
    throw new InvalidOptionError(
      '--to',
      'an http: or https: URL with no credentials, query or fragment',
      shown,
    )
  }
  return url
}

function parseUrl(captured: string): URL {
  const absolute = captured.startsWith('/') ? `http://localhost${captured}` : captured
  const url = URL.canParse(absolute) ? new URL(absolute) : undefined
  if (!url || !isHttp(url)) throw new CannotSendError('URL', captured)
  return url
}

function isHttp({ protocol }: URL): boolean {
  return protocol === 'http:' || protocol === 'https:'
}

function isPath(path: string): boolean {
  return path.startsWith('/') && !/[?#]/.test(path) && URL.canParse(`http://localhost${path}`)
}

function parseQuery(search: string): QueryPair[] {
  const raws = search.slice(1).split('&').filter(Boolean)
  return raws.map((raw) => {
    const [[name, value] = ['', '']] = new URLSearchParams(raw)
    return { name, value, raw }
  })
}

function queryPair(name: string, value: string): QueryPair {
  return { name, value, raw: new URLSearchParams([[name, value]]).toString() }
}

/** Some encode brackets in paths. */
function decodeHidden(path: string): string {
  return path.replace(/%5b/gi, '[').replace(/%5d/gi, ']')
}
