import { InvalidOptionError } from '@curfew/core'
import type { Hook, Report } from '@curfew/core/report'
import { aLimit, aWholeNumber, type Check, checkOptions } from './check-options.ts'
import { Courier } from './courier.ts'
import { Outbox } from './outbox.ts'
import { aSecret } from './signature.ts'
import { plain, type WebhookFormat } from './webhook-format.ts'

export interface WebhookOptions {
  /** What it is called in the statistics of the reporter (default `'webhook'`). */
  name?: string
  /** Sent along with each request: `{ authorization: 'Bearer …' }`. */
  headers?: Readonly<Record<string, string>>
  /** Signs each request, for `verifySignature()` at the other end. */
  secret?: string
  /** What is sent (default `{ "reports": [...] }`): `slack()`, `feishu()`, `wecom()`, or what a function makes. */
  format?: WebhookFormat | ((reports: readonly Report[]) => unknown)
  /** Bytes that a body may have (default 1 048 576). A longer batch is divided, a longer report shortened. */
  maxBytes?: number
  /** How many reports are sent in one request, at most (default 1). */
  batchSize?: number
  /** How many milliseconds a report waits for others, at most (default 1 000), where there are batches. */
  batchMs?: number
  /** How many requests may be under way at once (default 4); further ones wait. */
  concurrency?: number
  /** Milliseconds that one attempt may take (default 5 000). */
  attemptMs?: number
  /** How often it is tried again (default 3). */
  retries?: number
  /** Milliseconds before the first retry (default 500), less up to half at random. They double each time. */
  backoffMs?: number
  /** Milliseconds that no pause exceeds (default 30 000), whatever `Retry-After` says. */
  maxPauseMs?: number
  /** After how many failures in a row nothing is sent for a while (default 5); `Infinity` for never. */
  breakAfter?: number
  /** Milliseconds until it is tried again with one request (default 30 000). */
  breakMs?: number
}

/**
 * POSTs each report as JSON. What may pass is tried again (network errors, timeouts, 408, 425, 429 and 5xx, with
 * exponential pauses or what `Retry-After` asks for); other answers are final, and redirects are not followed. While
 * the receiver is down, reports fail at once. Each of this is within the time that the reporter gives a hook
 * (`hookTimeoutMs`, 10 s by default).
 *
 * `Idempotency-Key` is the same for all attempts at one body. The URL never gets into an error: only its origin does.
 *
 * @throws {InvalidOptionError} for a URL that is none, is not HTTP, or has credentials in it, and for an option that is
 *   unknown or has a value that it cannot have
 *
 * @example
 * ```ts
 * const reports = reporter({
 *   hooks: [webhook('https://reports.example.com/curfew', { secret: process.env.REPORT_SECRET ?? '' })],
 * })
 * ```
 */
export function webhook(url: string | URL, options: WebhookOptions = {}): Hook {
  const address = parseUrl(url)
  const given = checkOptions(options, checks)
  // A variable that is not set: without a word, nothing would be signed.
  if ('secret' in given && given.secret === undefined)
    throw new InvalidOptionError('secret', aSecret[0], undefined)
  const format: WebhookFormat =
    typeof given.format === 'function' ? { write: given.format } : (given.format ?? plain)
  const courier = new Courier(
    {
      url: address,
      headers: new Headers(given.headers),
      secret: given.secret,
      read: format.read?.bind(format),
    },
    {
      concurrency: given.concurrency ?? 4,
      attemptMs: given.attemptMs ?? 5_000,
      retries: given.retries ?? 3,
      backoffMs: given.backoffMs ?? 500,
      maxPauseMs: given.maxPauseMs ?? 30_000,
      breakAfter: given.breakAfter ?? 5,
      breakMs: given.breakMs ?? 30_000,
    },
  )
  const outbox = new Outbox(
    {
      format,
      batchSize: Math.min(given.batchSize ?? 1, format.maxReports ?? Number.POSITIVE_INFINITY),
      batchMs: given.batchMs ?? 1_000,
      maxBytes: given.maxBytes ?? 1_048_576,
    },
    (parcel, signal) => courier.deliver(parcel, signal),
  )
  return {
    name: given.name ?? 'webhook',
    fire: (report, { signal }) => outbox.add(report, signal),
    flush: ({ signal }) => outbox.flush(signal),
  }
}

const aName: Check = ['a string that is not empty', (value) => typeof value === 'string' && value !== '']

const checks = {
  name: aName,
  headers: ['an object of names and values that HTTP allows', areHeaders],
  secret: aSecret,
  format: ['a function, or an object with a function write', isFormat],
  maxBytes: aLimit,
  batchSize: aLimit,
  batchMs: aWholeNumber,
  concurrency: aLimit,
  attemptMs: aLimit,
  retries: aWholeNumber,
  backoffMs: aWholeNumber,
  maxPauseMs: aWholeNumber,
  breakAfter: aLimit,
  breakMs: aWholeNumber,
} as const satisfies Record<keyof WebhookOptions, Check>

function areHeaders(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  try {
    new Headers(value as Record<string, string>)
    return Object.values(value).every((each) => typeof each === 'string')
  } catch {
    return false
  }
}

function isFormat(value: unknown): boolean {
  if (typeof value === 'object') return typeof (value as WebhookFormat | null)?.write === 'function'
  return typeof value === 'function'
}

/** Says no more of a URL than its origin when it is refused. */
function parseUrl(value: string | URL): URL {
  const refused = (expected: string, shown: unknown): InvalidOptionError =>
    new InvalidOptionError('url', expected, shown)
  if (typeof value !== 'string' && !(value instanceof URL)) throw refused('a URL', value)
  let url: URL
  try {
    url = new URL(value)
  } catch {
    throw refused('a URL', value && `[hidden, ${String(value).length} characters]`)
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw refused('http: or https:', url.protocol)
  if (url.username || url.password) throw refused('a URL without credentials in it', url.origin)
  return url
}
