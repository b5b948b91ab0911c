import { Given } from '../src/given.ts'
import { rebuildRequest } from '../src/rebuild-request.ts'
import { parseTarget } from '../src/rebuild-url.ts'
import { makeReport } from './support.ts'

export interface How {
  set?: string[]
  drop?: string[]
  to?: string
  report?: Record<string, unknown>
}

/** A captured request as it is to be sent, in a shape that is easy to compare. */
export async function rebuilt(
  request: Record<string, unknown>,
  { set, drop, to = 'http://127.0.0.1:1', report = {} }: How = {},
) {
  const made = await rebuildRequest(makeReport({ ...report, request }), new Given(set, drop), parseTarget(to))
  const { headers, body, missing, warnings } = made
  return {
    method: made.method,
    url: made.origin + made.path,
    headers: Object.fromEntries(headers),
    body: body && Buffer.from(body).toString(),
    missing: missing.map(({ name, reason }) => `${name}: ${reason}`),
    options: missing.map(({ set: a, drop: b }) => [a, b]),
    warnings,
  }
}
