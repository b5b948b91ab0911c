import * as z from 'zod/mini'
import { type Clock, systemClock } from '../clock.ts'
import {
  amount,
  callback,
  clock,
  hasMethods,
  limit,
  oneOf,
  text,
  timeout,
  toLimit,
  validate,
} from '../validate.ts'
import type { FireReport, Hook } from './hook.ts'
import type { RedactOptions } from './redaction.ts'
import type { ReportKind, Where } from './report.ts'

/** What a reporter may be told. Everything but the hooks has a default. */
export interface ReporterOptions {
  /** Where the reports go. */
  hooks: readonly (Hook | FireReport)[]
  /** Of what there are reports (default `['failed']`). There is none of a client that was too slow with its body. */
  on?: readonly ReportKind[]
  /** What the process is called in the reports: its name, its version, which of many it is, where it stands. */
  service?: string
  version?: string
  instance?: string
  region?: string
  /** What may be seen, besides what is known to be harmless. */
  redact?: RedactOptions
  /** Bytes that are kept of a request's body while the handler reads it (default 16 384); 0 for none. */
  bodyBytes?: number
  /** The id of a request, where it is not in `x-request-id` or `traceparent`. */
  requestId?: (request: Request) => string | undefined
  /** How the time is written (default ISO 8601, UTC). */
  formatTime?: (time: Date) => string
  /** Milliseconds in which the same crash is reported once and then counted (default 60 000); `false` for never. */
  dedupeMs?: number | false
  /** Reports a minute, counts of repeats not included (default 60); what is more is dropped, and counted. */
  maxPerMinute?: number
  /** How many incidents may wait to be reported, and reports for a hook that is at work (default 1 000). */
  maxQueued?: number
  /** Milliseconds that a hook has for a report (default 10 000). */
  hookTimeoutMs?: number | false
  /** Where the time comes from (default: the runtime). */
  clock?: Clock
}

/** The options in force, with nothing left to decide. */
export interface ReporterPolicy {
  /** With names of which there are no two alike. */
  readonly hooks: readonly { readonly name: string; readonly hook: Hook }[]
  readonly on: ReadonlySet<ReportKind>
  readonly where: Where
  readonly redact: RedactOptions
  readonly bodyBytes: number
  readonly requestId: ReporterOptions['requestId'] | undefined
  readonly formatTime: ReporterOptions['formatTime'] | undefined
  readonly dedupeMs: number
  readonly maxPerMinute: number
  readonly maxQueued: number
  readonly hookTimeoutMs: number
  readonly clock: Clock
}

const names = z.array(text, 'an array of strings')
const seen = z.optional(
  z.custom((value) => value === true || z.safeParse(names, value).success, 'an array of strings, or true'),
)
const hook = z.custom(isHook, 'a function, or an object with a name and with fire, observe or flush')

const schema = z.strictObject({
  hooks: z.array(hook, 'an array of hooks'),
  on: z.optional(z.array(oneOf('failed', 'timed-out', 'abandoned', 'late'), 'an array of kinds')),
  service: z.optional(text),
  version: z.optional(text),
  instance: z.optional(text),
  region: z.optional(text),
  redact: z.optional(
    z.strictObject(
      {
        allow: z.optional(
          z.strictObject({ headers: seen, query: seen, cookies: seen, body: seen, error: seen }, 'an object'),
        ),
        deny: z.optional(names),
        replace: z.optional(callback),
      },
      'an object',
    ),
  ),
  bodyBytes: z.optional(amount('bytes')),
  requestId: z.optional(callback),
  formatTime: z.optional(callback),
  dedupeMs: z.optional(timeout),
  maxPerMinute: z.optional(limit),
  maxQueued: z.optional(limit),
  hookTimeoutMs: z.optional(timeout),
  clock: z.optional(clock),
})

/**
 * Checks the options and fills in the defaults.
 *
 * @throws {InvalidOptionError} naming the first option that is unknown or has a value that it cannot have
 */
export function parseReporterOptions(options: ReporterOptions): ReporterPolicy {
  const given = validate(schema, options)
  const { service, version, instance, region } = given
  return {
    hooks: named(given.hooks.map(toHook)),
    on: new Set(given.on ?? ['failed']),
    where: {
      ...(service !== undefined && { service }),
      ...(version !== undefined && { version }),
      ...(instance !== undefined && { instance }),
      ...(region !== undefined && { region }),
    },
    redact: copyOf(given.redact),
    bodyBytes: given.bodyBytes ?? 16 * 1024,
    requestId: given.requestId,
    formatTime: given.formatTime,
    dedupeMs: given.dedupeMs === false ? 0 : (given.dedupeMs ?? 60_000),
    maxPerMinute: given.maxPerMinute ?? 60,
    maxQueued: given.maxQueued ?? 1_000,
    hookTimeoutMs: toLimit(given.hookTimeoutMs) ?? 10_000,
    clock: given.clock ?? systemClock,
  }
}

function toHook(hook: Hook | FireReport): Hook {
  return typeof hook === 'function' ? { name: hook.name || 'anonymous', fire: hook } : hook
}

function named(hooks: readonly Hook[]): ReporterPolicy['hooks'] {
  const names = new Set<string>()
  return hooks.map((hook) => {
    let { name } = hook
    for (let number = 2; names.has(name); number++) name = `${hook.name} ${number}`
    names.add(name)
    return { name, hook }
  })
}

/** What may be seen is not to change behind anybody's back. */
function copyOf({ replace, ...names }: RedactOptions = {}): RedactOptions {
  return { ...structuredClone(names), ...(replace && { replace }) }
}

function isHook(value: unknown): boolean {
  if (typeof value === 'function') return true
  const does = [hasMethods('fire'), hasMethods('observe'), hasMethods('flush')].some((has) => has(value))
  return does && typeof (value as Hook).name === 'string'
}
