import { read } from '../errors.ts'
import { isResponse } from '../responses.ts'
import { cut } from './cut.ts'
import type { ReportedError } from './report.ts'

/** How far causes are followed, and members listed. */
const MAX_CAUSES = 8
const MAX_MEMBERS = 10

/** How deep objects are looked into, how many properties of each are told, and how many values in all. */
const MAX_DEPTH = 10
const MAX_PROPERTIES = 50
const MAX_VALUES = 1_000

/** More than a report has room for: what is hidden in it is told by what is around it, so that comes first. */
const MAX_LENGTH = 24 * 1024

/** A message that is longer is not told again in the stack, where it would leave the frames no room. */
const MAX_REPEATED = 4 * 1024

/** How long all texts may be together, as JSON. */
const MAX_TOTAL = 96 * 1024

/**
 * A thrown value as JSON can tell it, with nothing hidden yet. Anything can be thrown, so it never throws: what cannot
 * be read is left out, as is what there is too much of; what goes round in circles is cut where it closes. All texts
 * together have `maxLength` characters at most, or not much more.
 */
export function describeThrown(thrown: unknown, maxLength: number = MAX_TOTAL): ReportedError {
  return new Description(maxLength).thrown(thrown, [])
}

/** Whether an object in a description is that of an error, and no data that resembles one. */
export function isDescribedError(value: object): boolean {
  return nested.has(value)
}

const nested = new WeakSet<object>()

/** One description, and how much may still be told. `above` are the objects that are around. */
class Description {
  private values = MAX_VALUES
  private room: number

  constructor(room: number) {
    this.room = room
  }

  thrown(thrown: unknown, above: readonly object[]): ReportedError {
    try {
      if (typeof thrown !== 'object' || thrown === null) return this.primitive(thrown)
      return isError(thrown) ? this.error(thrown, above) : this.object(thrown, above)
    } catch {
      return { name: 'unknown', message: 'What was thrown cannot be read' }
    }
  }

  private primitive(thrown: unknown): ReportedError {
    const name = thrown === null ? 'null' : typeof thrown
    return {
      name,
      message: this.text(typeof thrown === 'function' ? `function ${thrown.name}` : String(thrown)),
    }
  }

  private object(thrown: object, above: readonly object[]): ReportedError {
    if (isResponse(thrown)) {
      return { name: 'Response', message: this.text(`${thrown.status} ${thrown.statusText}`.trim()) }
    }
    const name = this.textOf(read(thrown, 'constructor'), 'name') ?? 'Object'
    return { name, message: this.textOf(thrown, 'message') ?? '', value: this.json(thrown, above, 0) }
  }

  private error(error: object, above: readonly object[]): ReportedError {
    const inside = [...above, error]
    const name = this.textOf(error, 'name') ?? 'Error'
    const message = this.textOf(error, 'message') ?? ''
    const stack = this.stackOf(error)
    const [cause, errors] = [read(error, 'cause'), read(error, 'errors')]
    const members = isArray(errors) ? errors : undefined
    // Besides those that have a place of their own.
    const names = ownNames(error).filter((key) => !standard.has(key) && !(key === 'errors' && members))
    return {
      name,
      message,
      ...(stack !== undefined && { stack }),
      ...(names.length > 0 && { fields: this.record(error, names, inside, 0) }),
      ...(cause !== undefined && { cause: this.inner(cause, inside) }),
      ...(members && {
        errors: this.list(itemsOf(members), MAX_MEMBERS, (each) => this.inner(each, inside)),
      }),
    }
  }

  private inner(thrown: unknown, above: readonly object[]): ReportedError {
    this.values--
    if (above.includes(thrown as object)) return { name: 'circular', message: 'The cause of itself' }
    if (above.length > MAX_CAUSES) return { name: 'unknown', message: 'Further causes are left out' }
    return this.thrown(thrown, above)
  }

  private nested(error: object, above: readonly object[]): ReportedError {
    const described = this.inner(error, above)
    nested.add(described)
    return described
  }

  /** What JSON can tell of a value. */
  private json(value: unknown, above: readonly object[], depth: number): unknown {
    this.values--
    if (value === undefined || value === null) return null
    if (typeof value === 'boolean') return value
    if (typeof value === 'string') return this.text(value)
    if (typeof value === 'bigint') return this.text(String(value))
    if (typeof value === 'number') return Number.isFinite(value) ? value : String(value)
    if (typeof value !== 'object') return `[${typeof value}]`
    if (above.includes(value)) return '[circular]'
    // No object takes more than half of what is left, either.
    const rest = Math.floor(this.values / 2)
    this.values -= rest
    try {
      return isTrueError(value) ? this.nested(value, above) : this.parts(value, [...above, value], depth)
    } catch {
      return '[unreadable]'
    } finally {
      this.values += rest
    }
  }

  private parts(value: object, inside: readonly object[], depth: number): unknown {
    // An object of any realm says so what it is.
    const type = Object.prototype.toString.call(value).slice(8, -1)
    const tell = (item: unknown): unknown => this.json(item, inside, depth + 1)
    if (ArrayBuffer.isView(value)) return this.text(`[${type}, ${value.byteLength} bytes]`)
    if (type === 'String') return this.text(String.prototype.toString.call(value))
    if (type === 'Date') return Date.prototype.toJSON.call(new Date(Date.prototype.getTime.call(value)))
    if (depth >= MAX_DEPTH) return type === 'Array' ? '[array]' : '[object]'
    // Whatever else iterates may do so for ever.
    if (type === 'Array') return this.list(itemsOf(value as unknown[]), MAX_PROPERTIES, tell)
    if (type === 'Set') return this.list(Set.prototype.values.call(value), MAX_PROPERTIES, tell)
    if (type === 'Map') {
      const entries = this.list(Map.prototype.entries.call(value), MAX_PROPERTIES, ([key, item]) => {
        return [this.text(typeof key === 'object' ? '[object]' : String(key)), tell(item)] as const
      })
      return Object.fromEntries(entries)
    }
    return this.record(value, keysOf(value), inside, depth)
  }

  private record(
    object: object,
    names: readonly string[],
    inside: readonly object[],
    depth: number,
  ): Record<string, unknown> {
    const all = names.slice(0, MAX_PROPERTIES).map((name) => [name, read(object, name)] as const)
    // What is no object says most, and may be far behind one that is large.
    const isObject = ([, value]: readonly [string, unknown]): boolean => typeof value === 'object'
    const sorted = [...all.filter((each) => !isObject(each)), ...all.filter(isObject)]
    const entries = this.list(
      sorted.filter(([, value]) => value !== undefined),
      MAX_PROPERTIES,
      ([name, value]) => [this.text(name), this.json(value, inside, depth + 1)] as const,
    )
    return Object.fromEntries(entries)
  }

  /** The first `max`, or as many as there is room for. */
  private list<Item, Told>(items: Iterable<Item>, max: number, tell: (item: Item) => Told): Told[] {
    const told: Told[] = []
    for (const item of items) {
      if (told.length >= max || this.values <= 0) break
      told.push(tell(item))
    }
    return told
  }

  private stackOf(error: object): string | undefined {
    const [stack, message] = [read(error, 'stack'), read(error, 'message')]
    if (typeof stack !== 'string') return undefined
    const isLong = typeof message === 'string' && message.length > MAX_REPEATED
    return this.text(isLong ? stack.replace(message, '…') : stack)
  }

  private textOf(object: unknown, name: string): string | undefined {
    const value = read(object, name)
    return typeof value === 'string' ? this.text(value) : undefined
  }

  /** No text takes more than half of what is left, so that there is something left for each. */
  private text(text: string): string {
    const told = cut(text, Math.min(MAX_LENGTH, Math.max(Math.floor(this.room / 2), 0)))
    this.room -= JSON.stringify(told).length
    return told
  }
}

const standard: ReadonlySet<string> = new Set(['name', 'message', 'stack', 'cause'])

/** Of any realm. */
function isTrueError(value: object): boolean {
  return value instanceof Error || Object.prototype.toString.call(value) === '[object Error]'
}

/** Also what only looks like one, with a message and a stack, for somebody threw it. */
function isError(value: object): boolean {
  if (isTrueError(value)) return true
  return typeof read(value, 'message') === 'string' && typeof read(value, 'stack') === 'string'
}

/** JavaScriptCore says of some errors where they were made, and does not hide it; the stack says the same. */
function ownNames(error: object): string[] {
  const names = keysOf(error)
  return names.includes('sourceURL') ? names.filter((name) => !places.has(name)) : names
}

const places: ReadonlySet<string> = new Set(['line', 'column', 'sourceURL'])

function isArray(value: unknown): value is readonly unknown[] {
  try {
    return Array.isArray(value)
  } catch {
    return false
  }
}

function keysOf(object: object): string[] {
  try {
    return Object.keys(object)
  } catch {
    return []
  }
}

/** Its own iterator may be another one. */
function* itemsOf(array: readonly unknown[]): Iterable<unknown> {
  const length = read(array, 'length')
  if (typeof length !== 'number') return
  for (let index = 0; index < length; index++) yield read(array, String(index))
}
