import * as z from 'zod/mini'
import { InvalidOptionError } from './errors.ts'
import { validate } from './validate.ts'

/** Where a server answers those who look after it. `false`: not at all. */
export interface HealthOptions {
  /** Whether to send requests here: 200, and 503 from the moment that `close()` is called (default `/readyz`). */
  ready?: string | false
  /** Whether the process is alive: 200 (default `/livez`). */
  live?: string | false
}

/** The answer to a probe. */
export interface Verdict {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** Answers the probes among all requests, and nothing else. */
export interface Health {
  /** The paths that it answers. */
  readonly paths: readonly string[]
  /** @param url the target of the request: a path, or the whole URL */
  answer(method: string | undefined, url: string | undefined): Verdict | undefined
}

const defaults = { ready: '/readyz', live: '/livez' } as const

/** Characters that no server takes for a pattern, and that nobody writes in two ways. */
const plainPath = /^\/[\w./~-]*$/

const path = z.custom<string | false>(
  (value) => value === false || (typeof value === 'string' && plainPath.test(value)),
  'false, or a path of letters, digits and _ - . ~ / that begins with a /',
)
const schema = z.strictObject({ ready: z.optional(path), live: z.optional(path) })

/**
 * Answers for a server to whom it may concern: whether it takes requests, and whether it lives. That is decided without
 * any guard, so neither overload nor a deadline makes a server look as if it were dead, and no access log fills up.
 *
 * @throws {InvalidOptionError} for an option that is unknown or has a value that it cannot have
 */
export function createHealth(
  options: boolean | HealthOptions | undefined,
  isReady: () => boolean,
): Health | undefined {
  if (options === undefined || options === false) return undefined
  const { ready, live } = parse(options)

  function verdictOn(path: string): Verdict | undefined {
    if (path === ready) return isReady() ? verdict(200, 'ready') : verdict(503, 'stopping')
    return path === live ? verdict(200, 'live') : undefined
  }

  return {
    paths: [ready, live].filter((path) => path !== false),
    answer: (method, url) =>
      method === 'GET' || method === 'HEAD' ? verdictOn(pathOf(url ?? '')) : undefined,
  }
}

function parse(options: true | HealthOptions): Required<HealthOptions> {
  const own = options === true ? {} : validateHealth(options)
  const { ready = defaults.ready, live = defaults.live } = own
  if (ready !== false && ready === live) {
    throw new InvalidOptionError('health.live', 'a path other than that of health.ready', live)
  }
  return { ready, live }
}

function validateHealth(options: HealthOptions): HealthOptions {
  if (typeof options !== 'object' || options === null) {
    throw new InvalidOptionError('health', 'true, false or an object', options)
  }
  return validate(z.strictObject({ health: schema }), { health: options }).health
}

function verdict(status: number, word: string): Verdict {
  return {
    status,
    headers: { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' },
    body: `${word}\n`,
  }
}

/** Without the query; parsing the whole URL of each request would cost more than all the rest. */
function pathOf(url: string): string {
  const start = url.startsWith('/') ? 0 : url.indexOf('/', url.indexOf('://') + 3)
  const query = url.indexOf('?', start)
  return query < 0 ? url.slice(start) : url.slice(start, query)
}

/** The answer as a fetch handler gives it. */
export function toResponse({ status, headers, body }: Verdict, method: string): Response {
  return new Response(method === 'HEAD' ? null : body, { status, headers })
}
