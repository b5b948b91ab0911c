import type { Report } from '@curfew/core/report'
import { pretty } from '@curfew/hooks/format'
import type { Terminal } from './terminal.ts'

/** A report for people: lines that end with one, with nearly all that it says. */
export function blockOf(report: Report, { colors }: Terminal): string {
  return `${pretty(report, { color: colors.isColorSupported, details: true })}\n`
}
