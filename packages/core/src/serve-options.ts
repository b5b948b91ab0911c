import { InvalidOptionError } from './errors.ts'
import { type Guarded, guard, type Handler } from './guard.ts'
import { type GuardOptions, optionNames } from './options.ts'

/**
 * Tells a server's own options from those of its guard.
 *
 * @throws {InvalidOptionError} for an option that is neither
 */
export function splitOptions<Own extends object>(
  options: Own & GuardOptions,
  ownNames: readonly (keyof Own & string)[],
): { own: Partial<Own>; guardOptions: GuardOptions } {
  if (typeof options !== 'object' || options === null)
    throw new InvalidOptionError('options', 'an object', options)
  const own: Record<string, unknown> = {}
  const guardOptions: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(options)) {
    if (ownNames.includes(name as keyof Own & string)) own[name] = value
    else if (optionNames.includes(name as keyof GuardOptions)) guardOptions[name] = value
    else throw new InvalidOptionError(name, `one of ${[...ownNames, ...optionNames].join(', ')}`, value)
  }
  return { own: own as Partial<Own>, guardOptions }
}

/** The handler under a guard if there is anything that a guard is told; guards further in decide if there is not. */
export function guardWhenTold<Rest extends unknown[]>(
  handler: Handler<Rest>,
  options: GuardOptions,
): Handler<Rest> | Guarded<Rest> {
  return isTold(options) ? guard(handler, options) : handler
}

/** Whether there is anything that a guard is told. */
export function isTold(options: GuardOptions): boolean {
  return Object.values(options).some((value) => value !== undefined)
}
