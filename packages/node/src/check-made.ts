import { InvalidOptionError } from '@curfew/core'

/**
 * Refuses to make a middleware of what a framework calls a middleware with: it has been given what makes one.
 *
 * @throws {InvalidOptionError} if there is more than the one argument that makes it
 */
export function checkMade(options: unknown, ...more: unknown[]): void {
  if (more.length === 0) return
  throw new InvalidOptionError('options', 'an object: app.use(curfew(options)), not app.use(curfew)', options)
}
