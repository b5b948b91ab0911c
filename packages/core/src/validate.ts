import * as z from 'zod/mini'
import type { Clock } from './clock.ts'
import { InvalidOptionError } from './errors.ts'

const isTimeout = (value: unknown): boolean => value === false || (typeof value === 'number' && value > 0)

const timeoutWords = 'a positive number of milliseconds, Infinity or false'

export const timeout: z.ZodMiniType<number | false> = z.custom<number | false>(isTimeout, timeoutWords)

export const limit: z.ZodMiniType<number> = z.custom<number>(
  (value) => value === Number.POSITIVE_INFINITY || (Number.isInteger(value) && (value as number) > 0),
  'a positive whole number or Infinity',
)

/**
 * One timeout, as a number of milliseconds; `Infinity` for `false`.
 *
 * @throws {InvalidOptionError} when it is none
 */
export function parseTimeout(option: string, value: unknown): number {
  if (!isTimeout(value)) {
    throw new InvalidOptionError(option, timeoutWords, value)
  }
  return toLimit(value as number | false)!
}

/** What there is of a limit, as a number: `Infinity` for `false`. */
export function toLimit(timeout: number | false | undefined): number | undefined {
  return timeout === false ? Number.POSITIVE_INFINITY : timeout
}

export const isMilliseconds = (value: unknown): boolean =>
  typeof value === 'number' && value >= 0 && value < Number.POSITIVE_INFINITY

export const millisecondsWords = 'a number of milliseconds'

/** A span of time that may be none, but not for ever. */
export const milliseconds: z.ZodMiniType<number> = z.custom<number>(isMilliseconds, millisecondsWords)

/** How long somebody waits for others: not at all, for a while, or for as long as it takes. */
export const grace: z.ZodMiniType<number> = z.custom<number>(
  (value) => typeof value === 'number' && value >= 0,
  'milliseconds, 0 or more, or Infinity',
)

/** From nothing at all upwards. */
export const amount: (of: string) => z.ZodMiniType<number> = (of) =>
  z.custom<number>((value) => Number.isInteger(value) && (value as number) >= 0, `a whole number of ${of}`)

export const flag: z.ZodMiniType<boolean> = z.custom<boolean>(
  (value) => typeof value === 'boolean',
  'true or false',
)

/** One of these words; what `z.enum()` can do besides would be a good part of a bundle. */
export function oneOf<Word extends string>(...words: Word[]): z.ZodMiniType<Word> {
  return z.custom<Word>((value) => words.includes(value as Word), `'${words.join("' or '")}'`)
}

export const callback: z.ZodMiniType<never> = z.custom<never>(
  (value) => typeof value === 'function',
  'a function',
)

export const text: z.ZodMiniType<string> = z.custom<string>((value) => typeof value === 'string', 'a string')

export const clock: z.ZodMiniType<Clock> = z.custom<Clock>(
  hasMethods('now', 'setTimeout', 'clearTimeout'),
  'an object with now, setTimeout and clearTimeout',
)

export function hasMethods(...names: string[]): (value: unknown) => boolean {
  return (value) => names.every((name) => typeof Reflect.get(Object(value), name) === 'function')
}

/**
 * The options as they are given, once they are known to be good: read once, and only what is the object's own.
 *
 * @throws {InvalidOptionError} naming the first option that is unknown or has a value that it cannot have
 */
export function validate<Options extends object>(
  schema: z.ZodMiniObject,
  options: Options,
): { readonly [Name in keyof Options]: Options[Name] } {
  if (Object.prototype.toString.call(options) !== '[object Object]')
    throw new InvalidOptionError('options', 'an object', options)
  const own: Options = Object.assign(Object.create(null), options)
  const { error } = z.safeParse(schema, own)
  if (error) throw toInvalidOption(error.issues[0]!, own, Object.keys(schema.shape))
  return own
}

function toInvalidOption(issue: z.core.$ZodIssue, options: object, names: string[]): InvalidOptionError {
  const { path } = issue
  const unknown = issue.code === 'unrecognized_keys' ? issue.keys[0] : undefined
  const where = unknown === undefined ? path : [...path, unknown]
  const known = path.length === 0 ? `one of ${names.join(', ')}` : 'no such option'
  const value = where.reduce<unknown>((found, key) => Reflect.get(Object(found), key), options)
  return new InvalidOptionError(where.join('.'), unknown === undefined ? issue.message : known, value)
}
