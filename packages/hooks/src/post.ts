import { fitOne } from './fit.ts'
import { retryAfterMs } from './retry-after.ts'
import { SIGNATURE_HEADER, sign } from './signature.ts'
import type { WebhookFormat } from './webhook-format.ts'

/** Where it goes. */
export interface Target {
  readonly url: URL
  readonly headers: Headers
  readonly secret: string | undefined
  readonly read: WebhookFormat['read'] | undefined
}

/** What goes there, however often that takes. */
export interface Parcel {
  /** The same for each attempt. */
  readonly id: string
  readonly body: Uint8Array<ArrayBuffer>
}

/** One attempt has failed. The message goes on after the origin of the URL: `… answered 503`. */
export class AttemptError extends Error {
  /** Whether another may do better. */
  readonly retry: boolean
  readonly status: number | undefined
  readonly retryAfterMs: number | undefined

  constructor(
    message: string,
    details: { retry: boolean; status?: number; retryAfterMs?: number | undefined },
  ) {
    super(message)
    this.retry = details.retry
    this.status = details.status
    this.retryAfterMs = details.retryAfterMs
  }
}

/** More of an answer is not read. */
const MAX_ANSWER = 64 * 1024

/** Shorter parts of a URL are words. */
const MIN_SECRET = 8

/**
 * Makes one request, and resolves if it was accepted. No connection is kept busy by what is left of the answer.
 *
 * @throws {AttemptError} for everything else, also for an abort of the signal
 */
export async function post(target: Target, parcel: Parcel, signal: AbortSignal): Promise<void> {
  const response = await answerOf(target, parcel, signal)
  const { status } = response
  const answer = await startOf(response.body)
  const refusal = target.read?.(answer)
  if (response.ok && !refusal) return
  const reason = refusal
    ? `${status}, ${fitOne(withoutUrl(refusal.reason, target.url), 200)}`
    : String(status)
  throw new AttemptError(`answered ${reason}`, {
    retry: isPassing(status) || refusal?.retry === true,
    status,
    retryAfterMs: retryAfterMs(response.headers.get('retry-after'), Date.now()),
  })
}

async function answerOf(target: Target, { id, body }: Parcel, signal: AbortSignal): Promise<Response> {
  const { url, secret } = target
  const headers = new Headers(target.headers)
  headers.set('idempotency-key', id)
  if (!headers.has('content-type')) headers.set('content-type', 'application/json')
  if (secret !== undefined) headers.set(SIGNATURE_HEADER, await sign(body, secret, Date.now()))
  try {
    // Not followed: a signature is for nobody else. ('error' would say so, but not all edges know that.)
    return await fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal })
  } catch (error) {
    const reason = signal.aborted ? 'did not answer in time' : `could not be reached: ${reasonOf(error, url)}`
    throw new AttemptError(reason, { retry: true })
  }
}

function isPassing(status: number): boolean {
  return status === 408 || status === 425 || status === 429 || status >= 500
}

/** The start of a body as text, and the rest of it cancelled. `undefined` if it breaks off. */
async function startOf(body: ReadableStream<Uint8Array<ArrayBuffer>> | null): Promise<string | undefined> {
  if (!body) return ''
  const reader = body.getReader()
  const decoder = new TextDecoder()
  let text = ''
  try {
    while (text.length < MAX_ANSWER) {
      const { done, value } = await reader.read()
      if (done) return text + decoder.decode()
      text += decoder.decode(value, { stream: true })
    }
    await reader.cancel()
    return text
  } catch {
    return undefined
  }
}

/** What `fetch()` says of a failure: a code where there is one, for some runtimes put the URL into the message. */
function reasonOf(error: unknown, url: URL): string {
  const { code, message, cause } = Object(error) as { code?: unknown; message?: unknown; cause?: unknown }
  const inner: unknown = (Object(cause) as { code?: unknown }).code
  const found = [inner, code].find((each) => typeof each === 'string')
  return fitOne(withoutUrl(String(found ?? message), url), 200)
}

/** The path and the query of a webhook are as good as a password. */
function withoutUrl(text: string, { href, origin, pathname, searchParams }: URL): string {
  const parts = [...pathname.split('/'), ...searchParams.values()].filter((part) => part.length >= MIN_SECRET)
  return parts.reduce((rest, part) => rest.replaceAll(part, '…'), text.replaceAll(href, origin))
}
