import * as z from 'zod/mini'
import { InvalidReportError } from '../errors.ts'
import type { Report, ReportedBody, ReportedError } from './report.ts'

const text = z.string()
const number = z.number()
const whole = z.int().check(z.nonnegative())
const bytes = { bytes: whole, complete: z.boolean() }

const error: z.ZodMiniType<ReportedError> = z.lazy(() =>
  z.looseObject({
    name: text,
    message: text,
    stack: z.optional(text),
    fields: z.optional(z.record(text, z.unknown())),
    value: z.optional(z.unknown()),
    cause: z.optional(error),
    errors: z.optional(z.array(error)),
  }),
) as never

const field = z.looseObject({
  name: text,
  value: text,
  file: z.optional(z.looseObject({ type: text, bytes: whole })),
})

const body: z.ZodMiniType<ReportedBody> = z.discriminatedUnion('kind', [
  z.looseObject({ kind: z.literal('json'), ...bytes, value: z.unknown() }),
  z.looseObject({ kind: z.enum(['form', 'multipart']), ...bytes, fields: z.array(field) }),
  z.looseObject({ kind: z.literal('text'), ...bytes, text }),
  z.looseObject({ kind: z.literal('opaque'), ...bytes, sha256: text }),
]) as never

const head = { status: whole, headers: z.record(text, text) }

/** Format 1. What it does not know is kept, so that an older reader passes on what a newer writer added. */
const format1 = z.looseObject({
  schema: z.literal(1),
  id: text,
  kind: z.enum(['failed', 'timed-out', 'abandoned', 'late']),
  time: text,
  fingerprint: text,
  count: whole,
  repeatOf: z.optional(text),
  error: z.optional(error),
  request: z.looseObject({
    id: text,
    method: text,
    url: text,
    route: z.optional(text),
    headers: z.optional(z.record(text, text)),
    body: z.optional(body),
  }),
  response: z.optional(z.looseObject(head)),
  written: z.optional(z.looseObject({ ...head, bytes: whole })),
  outcome: z.looseObject({
    kind: z.enum(['completed', 'timed-out', 'client-closed', 'failed', 'rejected']),
    status: whole,
    phase: z.optional(text),
  }),
  timing: z.looseObject({ elapsedMs: number, timeoutMs: z.nullable(number), lateMs: z.optional(number) }),
  abandoned: z.boolean(),
  late: z.optional(z.looseObject({ kind: z.enum(['completed', 'failed', 'cancelled']), afterMs: number })),
  where: z.looseObject({
    service: z.optional(text),
    version: z.optional(text),
    instance: z.optional(text),
    region: z.optional(text),
    hostname: z.optional(text),
    pid: z.optional(whole),
    runtime: z.optional(z.looseObject({ name: text, version: z.optional(text) })),
    os: z.optional(text),
    arch: z.optional(text),
  }),
  omitted: z.optional(z.array(text)),
})

/** Every format that was ever written, by its number; an older one gives a {@link Report} of today. */
const formats: Readonly<Record<number, z.ZodMiniType<Report>>> = { 1: format1 as never }

/**
 * Reads a report back, from what `JSON.parse` gave. Properties that this version does not know are kept.
 *
 * @throws {InvalidReportError} naming the first property that is not as it must be, or a format that is newer than this
 *
 * @example
 * ```ts
 * const report = parseReport(JSON.parse(line))
 * console.log(report.time, report.request.method, report.request.url, report.error?.message)
 * ```
 */
export function parseReport(value: unknown): Report {
  if (typeof value !== 'object' || value === null) throw new InvalidReportError('', 'an object', value)
  const { schema } = value as { schema?: unknown }
  const format = typeof schema === 'number' ? formats[schema] : undefined
  if (!format) throw new InvalidReportError('schema', `one of ${Object.keys(formats).join(', ')}`, schema)
  const { data, error } = z.safeParse(format, value)
  if (data) return data
  const issue = error.issues[0]!
  throw new InvalidReportError(issue.path.join('.'), expected(issue), at(value, issue.path))
}

function expected(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_type') return issue.expected
  if (issue.code === 'invalid_value') return `one of ${issue.values.join(', ')}`
  return issue.code.replaceAll('_', ' ')
}

function at(value: unknown, path: readonly PropertyKey[]): unknown {
  let found: unknown = value
  for (const key of path) found = (found as Record<PropertyKey, unknown> | null | undefined)?.[key]
  return found
}
