import { attachedClient } from '../client.ts'
import { isThenable } from '../is-thenable.ts'
import type { LateSettlement } from '../outcome.ts'
import type { Ending } from '../recording.ts'
import { cut } from './cut.ts'
import { decode, describeBody } from './describe-body.ts'
import { describeThrown } from './describe-thrown.ts'
import { fingerprint } from './fingerprint.ts'
import type { BodyRecord } from './record-body.ts'
import { Redaction, type RedactOptions } from './redaction.ts'
import {
  REDACTED,
  type Report,
  type ReportedBody,
  type ReportedError,
  type ReportKind,
  type Where,
} from './report.ts'
import type { SeenRequest } from './seen-request.ts'
import { joinUrl } from './seen-url.ts'
import { whereAmI } from './where.ts'

/** Something to be reported, as it was when it happened. */
export interface Incident {
  readonly id: string
  readonly kind: ReportKind
  readonly time: Date
  readonly seen: SeenRequest
  readonly ending: Ending
  readonly late: LateSettlement | undefined
  readonly body: BodyRecord | undefined
  /** What was thrown, if anything was: `undefined` can be thrown, too. */
  readonly thrown: { readonly value: unknown } | undefined
}

/** What a reporter was told of how its reports are to look. */
export interface ReportStyle {
  readonly where: Where
  readonly redact: RedactOptions
  readonly requestId: ((request: Request) => string | undefined) | undefined
  readonly formatTime: ((time: Date) => string) | undefined
}

/**
 * Makes the report. A part that cannot be made, or cannot be redacted, is left out, and named in `omitted`: there never
 * is one that is not redacted. `described` is what was thrown, as it is.
 */
export async function buildReport(
  incident: Incident,
  described: ReportedError | undefined,
  style: ReportStyle,
): Promise<Report> {
  const { kind, id, seen, ending, late } = incident
  const { request, outcome } = ending
  const redaction = new Redaction(style.redact)
  const omitted: string[] = []

  function part<T>(name: string, make: () => T): T | undefined {
    try {
      return make()
    } catch {
      if (!omitted.includes(name)) omitted.push(name)
      return undefined
    }
  }

  // By name, all of it first: what is hidden in one part is then looked for in all others.
  const named = {
    headers: part('request.headers', () => redaction.headers(seen.headers)),
    url: part('request.url', () => redaction.url(seen.url)),
    body: await bodyOf(incident, redaction).catch(() => void omitted.push('request.body')),
    response: part('response', () => headOf(ending, redaction)),
    written: part('written', () => writtenOf(ending, redaction)),
    error: described && part('error', () => errorByName(described, redaction)),
  }

  // Then by look.
  const hidden = <Name extends keyof typeof named>(name: Name, path: string): (typeof named)[Name] =>
    part(path, () => redaction.hide(named[name], path)) as (typeof named)[Name]
  const url = hidden('url', 'request.url')
  const headers = hidden('headers', 'request.headers')
  const body = hidden('body', 'request.body')
  const response = hidden('response', 'response')
  const written = hidden('written', 'written')
  const error = hidden('error', 'error')
  const short = (path: string, text: string | undefined): string | undefined =>
    text === undefined ? undefined : part(path, () => cut(redaction.hide(text, path), MAX_NAME))
  const route = short('request.route', ending.route)

  const report: Report = {
    schema: 1,
    id,
    kind,
    time: part('time', () => timeOf(incident.time, style)) ?? incident.time.toISOString(),
    fingerprint: await fingerprint({
      kind,
      error,
      method: seen.method,
      route: route ?? url?.path.join('/') ?? '',
    }),
    count: 1,
    ...(error && { error }),
    request: {
      id:
        short(
          'request.id',
          part('request.id', () => requestId(seen, request, style)) ||
            part('request.id', () => ending.response?.headers.get('x-request-id') || undefined),
        ) ?? id,
      method: cut(seen.method, MAX_NAME),
      url: url ? (part('request.url', () => joinUrl(url)) ?? REDACTED) : REDACTED,
      ...(route !== undefined && { route }),
      ...(headers && { headers }),
      ...(body && { body }),
    },
    ...(response && { response }),
    ...(written && { written }),
    outcome: {
      kind: outcome.kind,
      status: outcome.status,
      ...('phase' in outcome && { phase: outcome.phase }),
      ...('escaped' in outcome && { escaped: true }),
    },
    timing: {
      elapsedMs: toMicroseconds(outcome.elapsedMs),
      timeoutMs: Number.isFinite(ending.timeoutMs) ? ending.timeoutMs : null,
      ...('lateMs' in outcome && { lateMs: toMicroseconds(outcome.lateMs) }),
    },
    abandoned: ending.abandoned,
    ...(late && {
      late: {
        kind: late.kind,
        afterMs: toMicroseconds(late.afterMs),
        ...(late.escaped && { escaped: true }),
      },
    }),
    where: { ...whereAmI(), ...part('where', () => attachedClient(request)?.where), ...style.where },
    ...(omitted.length > 0 && { omitted }),
  }
  return deepFreeze(report)
}

const MAX_NAME = 200

/** Clocks tell less than they seem to, and differences of their times may come out as less than nothing. */
function toMicroseconds(ms: number): number {
  return Math.max(Math.round(ms * 1_000) / 1_000, 0)
}

/**
 * The error of a request, redacted on its own: for those who cannot wait for the report. Nothing, if that fails.
 */
export function redactThrown(
  thrown: unknown,
  seen: SeenRequest,
  body: BodyRecord | undefined,
  redact: RedactOptions,
): ReportedError | undefined {
  try {
    const redaction = new Redaction(redact)
    redaction.headers(seen.headers)
    redaction.url(seen.url)
    learnBody(seen, body, redaction)
    return redaction.hide(errorByName(describeThrown(thrown, MAX_AT_ONCE), redaction), 'error')
  } catch {
    return undefined
  }
}

/** It is made on the path of the request, so it has to be quick: so many characters are looked at. */
const MAX_AT_ONCE = 8 * 1024

function learnBody({ headers }: SeenRequest, body: BodyRecord | undefined, redaction: Redaction): void {
  if (body?.bytes) redaction.body(decode(body.kept()), headers.get('content-type') ?? '')
}

/** @throws whatever the formatter throws */
export function timeOf(time: Date, { formatTime }: Pick<ReportStyle, 'formatTime'>): string {
  return textOf(formatTime?.(new Date(time))) ?? time.toISOString()
}

/** As proxies and tracers give it, or else as the app knows. */
function requestId(
  { headers }: SeenRequest,
  request: Request,
  { requestId }: ReportStyle,
): string | undefined {
  const trace = /^[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-/.exec(headers.get('traceparent') ?? '')
  return headers.get('x-request-id') || trace?.[1] || textOf(requestId?.(request))
}

function textOf(value: unknown): string | undefined {
  // What comes later comes too late, also when it is an error.
  if (isThenable(value)) Promise.resolve(value).catch(() => {})
  if (value !== undefined && typeof value !== 'string') throw new TypeError(`No text: ${typeof value}`)
  return value
}

async function bodyOf({ body, seen }: Incident, redaction: Redaction): Promise<ReportedBody | undefined> {
  if (!body || body.bytes === 0) return undefined
  learnBody(seen, body, redaction)
  const type = seen.headers.get('content-type') ?? ''
  const described = await describeBody(body, type, redaction.allowsAll('body'))
  if (described.kind === 'json') return { ...described, value: redaction.json('body', described.value) }
  if (described.kind !== 'form' && described.kind !== 'multipart') return described
  const fields = described.fields.map((field) => ({
    ...field,
    value: redaction.value('body', field.name, field.value),
  }))
  return { ...described, fields }
}

/** Whoever has left was sent nothing. */
function headOf({ outcome, response }: Ending, redaction: Redaction): Report['response'] {
  if (outcome.kind === 'client-closed') return undefined
  return response && { status: response.status, headers: redaction.headers(response.headers) }
}

function writtenOf({ written }: Ending, redaction: Redaction): Report['written'] {
  if (!written) return undefined
  const { status, headers, bytes } = written.written
  return { status, headers: redaction.headers(headers), bytes }
}

/** The properties of errors go by name; their messages and stacks have none. */
function errorByName(error: ReportedError, redaction: Redaction): ReportedError {
  const { fields, value, cause, errors } = error
  return {
    ...error,
    ...(fields && { fields: redaction.json('error', fields) as Record<string, unknown> }),
    ...(value !== undefined && { value: redaction.json('error', value) }),
    ...(cause && { cause: errorByName(cause, redaction) }),
    ...(errors && { errors: errors.map((each) => errorByName(each, redaction)) }),
  }
}

/** A hook gets the report that all others get. */
function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  for (const item of Object.values(value)) deepFreeze(item)
  return Object.freeze(value)
}
