import * as z from 'zod/mini'
import { InvalidReportError } from '../errors.ts'
import { flag, text } from '../validate.ts'
import type { Report, ReportedBody, ReportedError } from './report.ts'

const number = z.number('a number')
const whole = z.int('a whole number').check(z.nonnegative('0 or more'))
const anything = z.custom((value) => value !== undefined, 'a value')
const texts = z.record(text, text, 'an object')

/** What it does not know is kept, so that an older reader passes on what a newer writer added. */
function object<const Shape extends z.core.$ZodShape>(shape: Shape): z.ZodMiniObject<Shape, z.core.$loose> {
  return z.looseObject(shape, 'an object')
}

function oneOf<const Values extends readonly string[]>(...values: Values): z.ZodMiniType<Values[number]> {
  return z.enum(values, `one of ${values.join(', ')}`) as never
}

function list<Item extends z.ZodMiniType>(item: Item): z.ZodMiniArray<Item> {
  return z.array(item, 'an array')
}

const error: z.ZodMiniType<ReportedError> = z.lazy(() =>
  object({
    name: text,
    message: text,
    stack: z.optional(text),
    fields: z.optional(z.record(text, z.unknown(), 'an object')),
    value: z.optional(z.unknown()),
    cause: z.optional(error),
    errors: z.optional(list(error)),
  }),
) as never

const field = object({
  name: text,
  value: text,
  file: z.optional(object({ type: text, bytes: whole })),
})

const bytes = { bytes: whole, complete: flag }

const body: z.ZodMiniType<ReportedBody> = z.discriminatedUnion(
  'kind',
  [
    object({ kind: z.literal('json'), ...bytes, value: anything }),
    object({ kind: z.enum(['form', 'multipart']), ...bytes, fields: list(field) }),
    object({ kind: z.literal('text'), ...bytes, text }),
    object({ kind: z.literal('opaque'), ...bytes, sha256: text }),
  ],
  {
    error: ({ input }) =>
      typeof input === 'object' ? 'one of json, form, multipart, text, opaque' : 'an object',
  },
) as never

const head = { status: whole, headers: texts }

const format1 = object({
  schema: z.literal(1),
  id: text,
  kind: oneOf('failed', 'timed-out', 'abandoned', 'late'),
  time: text,
  fingerprint: text,
  count: whole,
  repeatOf: z.optional(text),
  error: z.optional(error),
  request: object({
    id: text,
    method: text,
    url: text,
    route: z.optional(text),
    headers: z.optional(texts),
    body: z.optional(body),
  }),
  response: z.optional(object(head)),
  written: z.optional(object({ ...head, bytes: whole })),
  outcome: object({
    kind: oneOf('completed', 'timed-out', 'client-closed', 'failed', 'rejected'),
    status: whole,
    phase: z.optional(text),
    escaped: z.optional(flag),
  }),
  timing: object({ elapsedMs: number, timeoutMs: z.nullable(number), lateMs: z.optional(number) }),
  abandoned: flag,
  late: z.optional(
    object({
      kind: oneOf('completed', 'failed', 'cancelled'),
      afterMs: number,
      escaped: z.optional(flag),
    }),
  ),
  where: object({
    service: z.optional(text),
    version: z.optional(text),
    instance: z.optional(text),
    region: z.optional(text),
    hostname: z.optional(text),
    pid: z.optional(whole),
    runtime: z.optional(object({ name: text, version: z.optional(text) })),
    os: z.optional(text),
    arch: z.optional(text),
  }),
  omitted: z.optional(list(text)),
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
  const { data, error } = read(format, value)
  if (data) return data
  const issue = error.issues[0]!
  throw new InvalidReportError(issue.path.join('.'), issue.message, at(value, issue.path))
}

function read(format: z.ZodMiniType<Report>, value: unknown): z.core.util.SafeParseResult<Report> {
  try {
    return z.safeParse(format, value)
  } catch {
    // Nothing else goes as deep as the stack.
    throw new InvalidReportError('error', 'causes that are nested less deeply', value)
  }
}

function at(value: unknown, path: readonly PropertyKey[]): unknown {
  let found: unknown = value
  for (const key of path) found = (found as Record<PropertyKey, unknown> | null | undefined)?.[key]
  return found
}
