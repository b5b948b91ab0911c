import { REDACTED } from '@curfew/core/report'
import { quote } from './quote.ts'

/** A value that a request had, and that is not there to be sent again. */
export interface Missing {
  /** Its place, as `--set` and `--drop` spell it. */
  readonly name: string
  readonly reason: string
  /** The option that would give it, if one can. */
  readonly set?: string
  /** The option that would do without it, if one can. */
  readonly drop?: string
}

/** How each of these can be helped: `value` stands for what to write behind `=`; without it, nothing can be given. */
export function missing(
  name: string,
  reason: string,
  { value, droppable = true }: { value?: string; droppable?: boolean } = { value: 'VALUE' },
): Missing {
  // No argument can have it, so no option can name this place; what is around it can still be given.
  if (name.includes('\0')) return { name, reason }
  return {
    name,
    reason,
    ...(value !== undefined && { set: `--set ${quote(`${name}=${value}`)}` }),
    ...(droppable && { drop: `--drop ${quote(name)}` }),
  }
}

/** What a text that was too long to be kept ends in. */
const CUT = /… \(\d+ characters more\)$/

/** What is not as it was in a captured text, if anything. */
export function lackOf(text: string): string | undefined {
  if (text.includes(REDACTED)) return 'redacted'
  return CUT.test(text) ? 'cut' : undefined
}

/** The first of each name. */
export function unique(all: readonly Missing[]): Missing[] {
  const names = new Set<string>()
  return all.filter(({ name }) => !names.has(name) && names.add(name))
}
