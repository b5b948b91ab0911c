import { REDACTED } from './report.ts'

/** An address, by its parts, none of them escaped. */
export interface SeenUrl {
  readonly origin: string
  /** What is between the slashes. */
  readonly path: readonly string[]
  readonly query: readonly (readonly [name: string, value: string])[]
}

/** A slash that is escaped is part of the segment, and what cannot be read stays escaped, too. */
export function pathOf(url: URL): string[] {
  return url.pathname.split('/').map((segment) => segment.split(/%2f/i).map(decode).join('%2F'))
}

/** The address again; what was hidden in it stands there as it is. */
export function joinUrl({ origin, path, query }: SeenUrl): string {
  const pairs = query.map(([name, value]) => `${component(name)}=${component(value)}`)
  const search = pairs.length > 0 ? `?${pairs.join('&')}` : ''
  // What a path that was hidden, or cut, begins with would be part of the host.
  const [first, ...rest] = path
  const segments = first ? path : rest
  const escaped = segments.map((segment) => component(segment).replace(/%25(?=[0-9a-f]{2})/gi, '%'))
  return `${origin}/${escaped.join('/')}${search}`
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

/** What cannot be decoded, as it is. */
export function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
