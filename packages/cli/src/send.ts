import { type ClientRequest, type IncomingMessage, request as overHttp } from 'node:http'
import { request as overHttps } from 'node:https'
import { reasonOf } from './cli-error.ts'
import { clip } from './clip.ts'
import type { RebuiltRequest } from './rebuild-request.ts'

/** What came back. */
export interface Answer {
  readonly status: number
  /** One value for each name; of `set-cookie`, which has several, none. */
  readonly headers: Readonly<Record<string, string>>
  /** The `code` in a body of JSON, as problems have it. */
  readonly code?: string
  /** Milliseconds until the head was there. */
  readonly elapsedMs: number
}

/** No answer came, or not in time. */
export class NoAnswerError extends Error {
  override readonly name = 'NoAnswerError'
  readonly code = 'NO_ANSWER'
  /** What the system says: `ECONNREFUSED`, say; `TIMEOUT` if the time was up. */
  readonly reason: string

  constructor(reason: string, message: string, cause?: unknown) {
    super(`No answer: ${message}`, { cause })
    this.reason = reason
  }
}

/** So much of a body is read to find the code in it. */
const MAX_BODY = 1024 * 1024

/**
 * Sends a request, and only that: no redirect is followed, no proxy asked. `timeoutMs` is for all of it.
 *
 * @throws {NoAnswerError} if no head came
 */
export async function send(request: RebuiltRequest, timeoutMs: number): Promise<Answer> {
  const signal = AbortSignal.timeout(timeoutMs)
  const start = performance.now()
  const outgoing = begin(request, signal)
  try {
    const incoming = await headOf(outgoing)
    const elapsedMs = performance.now() - start
    const code = await codeOf(incoming)
    return {
      status: incoming.statusCode!,
      headers: flat(incoming),
      ...(code !== undefined && { code }),
      elapsedMs,
    }
  } catch (error) {
    if (signal.aborted) throw new NoAnswerError('TIMEOUT', `none within ${timeoutMs} ms`, error)
    throw new NoAnswerError((error as NodeJS.ErrnoException).code ?? 'ERROR', reasonOf(error), error)
  } finally {
    outgoing.destroy()
  }
}

function begin({ method, origin, path, headers, body }: RebuiltRequest, signal: AbortSignal): ClientRequest {
  const url = new URL(origin)
  const over = url.protocol === 'https:' ? overHttps : overHttp
  // An agent of its own: the global one may have been told of a proxy.
  const outgoing = over(url, { method, path, agent: false, signal, headers: Object.fromEntries(headers) })
  // Node frames only the bodies of methods that usually have one.
  if (body) outgoing.setHeader('content-length', body.byteLength)
  outgoing.end(body)
  return outgoing
}

function headOf(outgoing: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    outgoing.once('response', resolve)
    // What fails later has nobody to tell.
    outgoing.on('error', reject)
    // Node tells of no error where somebody answers 101 without being asked.
    outgoing.once('close', () => reject(new Error('the connection was closed')))
  })
}

async function codeOf(incoming: IncomingMessage): Promise<string | undefined> {
  if (!/^application\/(?:[\w.-]+\+)?json\b/i.test(incoming.headers['content-type'] ?? '')) return undefined
  try {
    const chunks: Buffer[] = []
    let length = 0
    for await (const chunk of incoming as AsyncIterable<Buffer>) {
      chunks.push(chunk)
      length += chunk.length
      if (length > MAX_BODY) return undefined
    }
    const value: unknown = JSON.parse(Buffer.concat(chunks).toString())
    const code: unknown = Object.getOwnPropertyDescriptor(Object(value), 'code')?.value
    return typeof code === 'string' ? clip(code, 200) : undefined
  } catch {
    // Broken off, or no JSON: it has no code that could be told.
    return undefined
  }
}

function flat({ headers }: IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  )
}
