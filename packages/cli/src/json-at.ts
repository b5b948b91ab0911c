import { InvalidOptionError } from '@curfew/core'
import { lackOf } from './missing.ts'
import { spellPath } from './spelling.ts'

type Container = Record<string, unknown>
type Path = readonly string[]

/** The places of all texts in a JSON value that are not as they were, and what is wrong there. */
export function* lackingIn(
  value: unknown,
  path: Path = [],
): Generator<{ path: Path; reason: string; name: boolean }> {
  if (typeof value === 'string') {
    const reason = lackOf(value)
    if (reason) yield { path, reason, name: false }
  }
  if (!isContainer(value)) return
  for (const [key, item] of Object.entries(value)) {
    const reason = lackOf(key)
    if (reason) yield { path: [...path, key], reason, name: true }
    else yield* lackingIn(item, [...path, key])
  }
}

/**
 * Puts a value into a JSON value, together with the objects around it that are not there.
 *
 * @throws {InvalidOptionError} where there is something else than an object or an array around it
 */
export function setAt(root: unknown, path: Path, value: unknown): void {
  const [key = '', ...inner] = path
  if (!isContainer(root) || (Array.isArray(root) && !isIndex(root, key))) {
    throw new InvalidOptionError(
      '--set',
      'a place inside of an object or an array',
      `body.${spellPath(path)}`,
    )
  }
  if (inner.length === 0) return define(root, key, value)
  if (!Object.hasOwn(root, key)) define(root, key, {})
  setAt(root[key], inner, value)
}

/** Leaves a hole that {@link withoutHoles} closes; `false` if there is nothing. */
export function dropAt(root: unknown, path: Path): boolean {
  const [key = '', ...inner] = path
  if (!isContainer(root) || !Object.hasOwn(root, key) || (Array.isArray(root) && !isIndex(root, key)))
    return false
  if (inner.length > 0) return dropAt(root[key], inner)
  define(root, key, undefined)
  return true
}

/** Items that were dropped leave no place behind; properties are left out of JSON by themselves. */
export function withoutHoles(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_, item) =>
      Array.isArray(item) ? item.filter((each) => each !== undefined) : item,
    ),
  )
}

/** Whether a path is at another one, or inside of what is there. */
export function isWithin(path: Path, outer: Path): boolean {
  return outer.every((key, index) => path[index] === key)
}

function isContainer(value: unknown): value is Container {
  return typeof value === 'object' && value !== null
}

/** One of its items, or the next. */
function isIndex(array: readonly unknown[], key: string): boolean {
  return /^(0|[1-9]\d*)$/.test(key) && Number(key) <= array.length
}

/** Assigning would call a setter for `__proto__`. */
function define(object: Container, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true })
}
