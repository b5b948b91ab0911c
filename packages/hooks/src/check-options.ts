import { InvalidOptionError } from '@curfew/core'

/** What an option has to be, in words and as a test. */
export type Check = readonly [expected: string, test: (value: unknown) => boolean]

/**
 * Reads the options once, and only what is the object's own; an option that is `undefined` was not given.
 *
 * @throws {InvalidOptionError} naming the first option that is unknown or has a value that it cannot have
 */
export function checkOptions<T extends object>(
  options: T,
  checks: { readonly [Name in keyof T]-?: Check },
): T {
  if (Object.prototype.toString.call(options) !== '[object Object]') {
    throw new InvalidOptionError('options', 'an object', options)
  }
  const own: T = Object.assign(Object.create(null), options)
  for (const [name, value] of Object.entries(own)) {
    if (!Object.hasOwn(checks, name)) {
      throw new InvalidOptionError(name, `one of ${Object.keys(checks).join(', ')}`, value)
    }
    const [expected, test] = checks[name as keyof T]
    if (value !== undefined && !test(value)) throw new InvalidOptionError(name, expected, value)
  }
  return own
}

export const aFunction: Check = ['a function', (value) => typeof value === 'function']
export const aFlag: Check = ['true or false', (value) => typeof value === 'boolean']
export const aWholeNumber: Check = [
  'a whole number, 0 or more',
  (value) => Number.isSafeInteger(value) && (value as number) >= 0,
]
export const aLimit: Check = [
  'a positive whole number or Infinity',
  (value) => value === Number.POSITIVE_INFINITY || (Number.isSafeInteger(value) && (value as number) > 0),
]

export function oneOf(...values: readonly string[]): Check {
  return [values.map((value) => `'${value}'`).join(' or '), (value) => values.includes(value as string)]
}
