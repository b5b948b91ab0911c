import { printable } from '@curfew/hooks/format'
import type { Missing } from './missing.ts'

/** Says why a request is not sent, and what would help: the options, ready to be copied. */
export function refusal(id: string, missing: readonly Missing[]): string[] {
  return [`Cannot send the request of report ${printable(id)}: ${count(missing)}`, ...linesOf(missing)]
}

/** What is missing, each with the options that would help on a line of their own. */
export function linesOf(missing: readonly Missing[]): string[] {
  return missing.flatMap(({ name, reason, set, drop }) => {
    const options = [set, drop].filter((option) => option !== undefined)
    return [
      `  ${printable(name)}: ${reason}`,
      ...(options.length > 0 ? [`    ${options.join('  or  ')}`] : []),
    ]
  })
}

function count({ length }: readonly Missing[]): string {
  return length === 1 ? '1 value is missing' : `${length} values are missing`
}
