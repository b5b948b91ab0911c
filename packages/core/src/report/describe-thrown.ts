import { read } from '../errors.ts'
import { isResponse } from '../responses.ts'
import { cut as cutTo } from './cut.ts'
import type { ReportedError } from './report.ts'

/** How far causes are followed, and members listed. */
const MAX_CAUSES = 8
const MAX_MEMBERS = 10

/** How deep objects are looked into, how many properties of each are told, and how many values in all. */
const MAX_DEPTH = 5
const MAX_PROPERTIES = 50
const MAX_VALUES = 500

/** More than a report has room for: what is hidden in it is told by what is around it, so that comes first. */
const MAX_LENGTH = 64 * 1024

function cut(text: string): string {
  return cutTo(text, MAX_LENGTH)
}

/** Where a description has got to: the objects that are around, and how much may still be told. */
interface Trail {
  readonly above: readonly unknown[]
  readonly budget: { left: number }
}

function beneath({ above, budget }: Trail, value: unknown): Trail {
  return { above: [...above, value], budget }
}

/**
 * A thrown value as JSON can tell it, with nothing hidden yet. Anything can be thrown, so it never throws: what cannot
 * be read is left out, what goes round in circles is cut where it closes.
 */
export function describeThrown(thrown: unknown): ReportedError {
  return describe(thrown, { above: [], budget: { left: MAX_VALUES } })
}

function describe(thrown: unknown, trail: Trail): ReportedError {
  try {
    if (typeof thrown !== 'object' || thrown === null) return describePrimitive(thrown)
    return isError(thrown) ? describeError(thrown, trail) : describeObject(thrown, trail)
  } catch {
    return { name: 'unknown', message: 'What was thrown cannot be read' }
  }
}

function describePrimitive(thrown: unknown): ReportedError {
  const name = thrown === null ? 'null' : typeof thrown
  if (typeof thrown === 'function') return { name, message: cut(`function ${thrown.name}`) }
  return { name, message: cut(String(thrown)) }
}

function describeObject(thrown: object, trail: Trail): ReportedError {
  if (isResponse(thrown)) return { name: 'Response', message: `${thrown.status} ${thrown.statusText}`.trim() }
  const name = textOf(read(read(thrown, 'constructor'), 'name')) ?? 'Object'
  return { name, message: textOf(read(thrown, 'message')) ?? '', value: toJson(thrown, trail, 0) }
}

function describeError(error: object, trail: Trail): ReportedError {
  const [stack, cause, errors] = ['stack', 'cause', 'errors'].map((name) => read(error, name))
  const inside = beneath(trail, error)
  const inner = (value: unknown): ReportedError => {
    if (inside.above.includes(value)) return { name: 'circular', message: 'The cause of itself' }
    if (inside.above.length > MAX_CAUSES || inside.budget.left-- <= 0)
      return { name: 'unknown', message: 'Further causes are left out' }
    return describe(value, inside)
  }
  const fields = fieldsOf(error, inside)
  return {
    name: textOf(read(error, 'name')) ?? 'Error',
    message: textOf(read(error, 'message')) ?? '',
    ...(typeof stack === 'string' && { stack: cut(stack) }),
    ...(fields && { fields }),
    ...(cause !== undefined && { cause: inner(cause) }),
    ...(Array.isArray(errors) && { errors: errors.slice(0, MAX_MEMBERS).map(inner) }),
  }
}

/** Own enumerable properties, besides those that have a place of their own. */
function fieldsOf(error: object, trail: Trail): Record<string, unknown> | undefined {
  const names = Object.keys(error).filter((name) => !standard.has(name))
  if (names.length === 0) return undefined
  return toJson(Object.fromEntries(names.map((name) => [name, read(error, name)])), trail, 0) as never
}

const standard: ReadonlySet<string> = new Set(['name', 'message', 'stack', 'cause', 'errors'])

/** What JSON can tell of a value, in bounds. */
function toJson(value: unknown, trail: Trail, depth: number): unknown {
  if (trail.budget.left-- <= 0) return '[left out]'
  if (value === null || typeof value === 'boolean') return value
  if (typeof value === 'string') return cut(value)
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value)
  if (typeof value !== 'object') return typeof value === 'bigint' ? String(value) : `[${typeof value}]`
  if (trail.above.includes(value)) return '[circular]'
  if (depth >= MAX_DEPTH) return Array.isArray(value) ? '[array]' : '[object]'
  try {
    const inside = beneath(trail, value)
    if (isError(value)) return describe(value, inside)
    if (ArrayBuffer.isView(value)) return `[${value.constructor.name}, ${value.byteLength} bytes]`
    if (Array.isArray(value)) {
      return value.slice(0, MAX_PROPERTIES).map((item) => toJson(item, inside, depth + 1))
    }
    if (value instanceof Date) return value.toJSON()
    const entries = value instanceof Map ? [...value].map(([key, item]) => [String(key), item] as const) : []
    const names = Object.keys(value)
    const all = [...entries, ...names.map((name) => [name, read(value, name)] as const)]
    return Object.fromEntries(
      all.slice(0, MAX_PROPERTIES).map(([name, item]) => [cut(name), toJson(item, inside, depth + 1)]),
    )
  } catch {
    return '[unreadable]'
  }
}

/** Of any realm, and what only looks like one: with a message and a stack. */
function isError(value: object): boolean {
  if (value instanceof Error || Object.prototype.toString.call(value) === '[object Error]') return true
  return typeof read(value, 'message') === 'string' && typeof read(value, 'stack') === 'string'
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? cut(value) : undefined
}
