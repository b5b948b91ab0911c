import { InvalidOptionError } from '@curfew/core'
import { aLimit, type Check, checkOptions } from './check-options.ts'
import { hmac, isHmac } from './hmac.ts'

/** The header that a signed request has. */
export const SIGNATURE_HEADER = 'webhook-signature'

export const aSecret: Check = [
  'a string that is not empty',
  (value) => typeof value === 'string' && value !== '',
]

/** Longer than any header that was made here; more is not looked at. */
const MAX_HEADER = 1_000

/** The signature of a body that is sent at `now` (milliseconds since 1970): `t=1710408413,v1=5257a8…`. */
export async function sign(body: Uint8Array, secret: string, now: number): Promise<string> {
  const seconds = Math.floor(now / 1_000)
  return `t=${seconds},v1=${toHex(await hmac(secret, signed(String(seconds), body)))}`
}

export interface VerifyOptions {
  /** How old, or how far ahead, a signature may be in milliseconds (default 300 000, five minutes). */
  toleranceMs?: number
}

/**
 * For whoever receives the reports: resolves with whether the body was signed with this secret, and lately. The body
 * has to be as it came, before it is parsed. A header that is missing or none at all is no error: it gives `false`.
 *
 * @throws {InvalidOptionError} for a secret that is empty or no string, or an option that cannot be
 *
 * @example
 * ```ts
 * const body = await request.text()
 * if (!(await verifySignature(body, request.headers.get('webhook-signature'), secret))) {
 *   return new Response(null, { status: 401 })
 * }
 * ```
 */
export async function verifySignature(
  body: string | Uint8Array,
  header: string | null | undefined,
  secret: string,
  options: VerifyOptions = {},
): Promise<boolean> {
  const { toleranceMs = 300_000 } = checkOptions(options, { toleranceMs: aLimit })
  const [expected, isSecret] = aSecret
  if (!isSecret(secret)) throw new InvalidOptionError('secret', expected, secret)
  if (typeof header !== 'string' || header.length > MAX_HEADER) return false

  const fields = header.split(',').map((field) => field.trim())
  const seconds = fields.map((field) => /^t=(\d{1,12})$/.exec(field)?.[1]).find(Boolean)
  if (!seconds || Math.abs(Date.now() - Number(seconds) * 1_000) > toleranceMs) return false

  // Several, while a secret is being replaced by another.
  const codes = fields.flatMap((field) => /^v1=([0-9a-f]{64})$/.exec(field)?.[1] ?? [])
  const data = signed(seconds, typeof body === 'string' ? new TextEncoder().encode(body) : body)
  const matches = await Promise.all(codes.map((code) => isHmac(fromHex(code), secret, data)))
  return matches.includes(true)
}

function signed(seconds: string, body: Uint8Array): Uint8Array<ArrayBuffer> {
  const head = new TextEncoder().encode(`${seconds}.`)
  const data = new Uint8Array(head.length + body.length)
  data.set(head)
  data.set(body, head.length)
  return data
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

function fromHex(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
}
