import type { CurfewErrorCode } from './errors.ts'
import { isThenable } from './is-thenable.ts'
import type { Failed, Outcome, Rejected, TimedOut } from './outcome.ts'

/** What takes the place of a default body: text, a plain object or array (sent as JSON), or a whole response. */
export type ReplyBody = string | object

/** A {@link ReplyBody}, or a function that makes one. It runs when the reply is due, and must not wait. */
export type Reply<Ending extends Outcome> =
  | ReplyBody
  | ((outcome: Readonly<Ending>, request: Request) => ReplyBody)

/** What a guard answers by itself. */
export type Answered = TimedOut | Failed | Rejected

/** The stable `code` in a default body. */
export type ProblemCode =
  | CurfewErrorCode
  | 'HANDLER_FAILED'
  | 'REQUEST_TIMEOUT'
  | 'DEADLINE_EXPIRED'
  | 'MALFORMED_DEADLINE'
  | 'OVERLOADED'

const titles: Record<number, string> = {
  400: 'Bad Request',
  408: 'Request Timeout',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
}

/** A response as RFC 9457 describes it: `application/problem+json` with the stable `code` beside the standard members. */
export function problem(status: number, code: ProblemCode, detail?: string): Response {
  const body = { type: 'about:blank', title: titles[status] ?? 'Error', status, code, detail }
  return new Response(JSON.stringify(body), {
    status,
    headers: { 'content-type': 'application/problem+json' },
  })
}

/** What the runtime drops: nobody is there to read it, and no client ever sees a 499. */
export function clientClosedResponse(): Response {
  return own(new Response(null, { status: 499 }))
}

/** The response with these headers, where it does not have them yet. */
function withHeaders(response: Response, headers: Record<string, string>): Response {
  const missing = Object.entries(headers).filter(([name]) => !response.headers.has(name))
  if (missing.length === 0) return response
  // The headers of a redirect, or of what fetch() gave, cannot be changed.
  const changed = own(new Response(response.body, response))
  for (const [name, value] of missing) changed.headers.set(name, value)
  return changed
}

/**
 * Makes the reply that `option` asks for. When a function throws, or gives what is no reply, there is the default.
 * HEAD gets no body, nor does a status that has none.
 */
export function answer<Ending extends Answered>(
  option: Reply<Ending> | undefined,
  outcome: Ending,
  request: Request,
  fallback: () => Response,
  headers: Record<string, string> = {},
): Response {
  try {
    const replaced = replacement(option, outcome, request)
    if (replaced) return fitted(replaced, request, headers)
  } catch {}
  return fitted(own(fallback()), request, headers)
}

const ownKey: unique symbol = Symbol('curfew.own')

interface Own {
  [ownKey]?: boolean
}

/** A property, for a WeakSet with an entry for each reply takes longer than all the rest when many are due at once. */
function own(response: Response & Own): Response {
  response[ownKey] = true
  return response
}

/** Whether a guard made this response for one request alone. Others may be one for all, and must not be changed. */
export function isOwnReply(response: Response & Own): boolean {
  return response[ownKey] === true
}

/** Without a body where there must be none, and with `headers`. */
function fitted(response: Response, request: Request, headers: Record<string, string>): Response {
  const bodyless = request.method === 'HEAD' || [204, 205, 304].includes(response.status)
  return withHeaders(bodyless ? own(new Response(null, response)) : response, headers)
}

function replacement<Ending extends Answered>(
  option: Reply<Ending> | undefined,
  outcome: Ending,
  request: Request,
): Response | undefined {
  const body = typeof option === 'function' ? option(outcome, request) : option
  if (typeof body === 'string') return own(new Response(body, { status: outcome.status, headers: plainText }))
  // What comes later would not be on time, so a promise is no reply.
  if (isThenable(body)) void Promise.resolve(body).catch(() => {})
  if (!isReplyBody(body)) return undefined
  if (!isResponse(body)) return own(Response.json(body, { status: outcome.status }))
  return option === body ? own(copyOf(body)) : body
}

/** Whether it can be sent: text, a response that nobody has read from, or what JSON can tell. */
export function isReplyBody(value: unknown): value is ReplyBody {
  if (typeof value === 'string') return true
  if (isResponse(value)) return !value.bodyUsed && !value.body?.locked
  return (
    Array.isArray(value) ||
    (Object.prototype.toString.call(value) === '[object Object]' && !isThenable(value))
  )
}

const plainText = { 'content-type': 'text/plain; charset=utf-8' }

const copies = new WeakMap<Response, ArrayBuffer>()

/** One response for many requests: its bytes are kept, for a clone of a clone of a clone would grow without end. */
function copyOf(template: Response): Response {
  const bytes = copies.get(template)
  if (bytes) return new Response(bytes, template)
  const copy = template.clone()
  if (template.body) void keepBytes(template)
  return copy
}

async function keepBytes(template: Response): Promise<void> {
  try {
    copies.set(template, await template.clone().arrayBuffer())
  } catch {
    // A body that breaks breaks in each reply, where it is seen.
  }
}

/** Whether it is a response of any realm: node-server replaces the global, so `instanceof` cannot tell. */
export function isResponse(value: unknown): value is Response {
  try {
    return Object.prototype.toString.call(value) === '[object Response]'
  } catch {
    return false
  }
}

/** The response that was thrown, or that the thrown error brings along as Hono's `HTTPException` does. */
export function thrownResponse(error: unknown): Response | undefined {
  try {
    const response = isResponse(error)
      ? error
      : (error as { getResponse?(): unknown } | undefined)?.getResponse?.()
    return isResponse(response) ? response : undefined
  } catch {
    return undefined
  }
}

export function contentType(response: Response): string {
  return response.headers.get('content-type') ?? ''
}
