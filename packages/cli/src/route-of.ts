import type { ReportedRequest } from '@curfew/core/report'

/** What a part of a path must look like to be somebody's rather than everybody's. */
const IDS: readonly RegExp[] = [
  // 42, -1.5
  /^-?\d+(\.\d+)?$/,
  // A UUID, with or without its hyphens, and any hexadecimal number that is long, or short and no word.
  /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i,
  /^[0-9a-f]{16,}$/i,
  /^(?=.*\d)[0-9a-f]{8,}$/i,
  // Made by chance or by a clock: ULIDs, nanoids, `ord_1A2b3C4d`.
  /^(?=.*\d)\w{20,}$/,
  /^[a-z]+_(?=.*\d)[0-9a-z]{8,}$/i,
]

const MAX_LENGTH = 200

/**
 * The pattern of the route that handled a request; where that is not known, its path with numbers, UUIDs, hexadecimal
 * and the like replaced by `:id`.
 */
export function routeOf({ route, url }: ReportedRequest): string {
  if (route !== undefined) return route
  const path = url
    .slice(0, MAX_LENGTH * 10)
    .replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '')
    .replace(/[?#].*/s, '')
  return (path || '/')
    .split('/')
    .map((part) => (IDS.some((id) => id.test(part)) ? ':id' : part))
    .join('/')
}
