import type { Report } from '@curfew/core/report'
import { printableJson } from '@curfew/hooks/format'
import { blockOf } from './block-of.ts'
import { NoSuchReportError } from './cli-error.ts'
import type { Context } from './context.ts'
import { ExitCode } from './exit-code.ts'
import { ReportReader, readReports } from './read-reports.ts'
import { findReport, type Selection, selectReports } from './select-reports.ts'

export interface ShowOptions extends Selection {
  readonly id?: string
  /** Only so many, from the end. */
  readonly last?: number
}

/**
 * Prints the reports of a file, as blocks for people or as one JSON array.
 *
 * @throws {NoSuchReportError} if an id or a fingerprint is asked for that no report has
 */
export async function show(
  file: string,
  options: ShowOptions,
  { io, terminal, json }: Context,
): Promise<ExitCode> {
  const reader = new ReportReader(file, io)
  const all = selectReports(readReports(file, reader, io), options)
  let shown = 0
  for await (const report of chosen(all, options)) {
    if (json) await io.stdout.write(`${shown === 0 ? '[' : ','}\n${printableJson(report)}`)
    else await io.stdout.write(`${shown === 0 ? '' : '\n'}${blockOf(report, terminal)}`)
    shown++
  }
  if (json) await io.stdout.write(shown === 0 ? '[]\n' : '\n]\n')
  const { fingerprint } = options
  if (shown === 0 && fingerprint !== undefined) throw new NoSuchReportError('fingerprint', fingerprint)
  return reader.badLines > 0 ? ExitCode.badFile : ExitCode.ok
}

async function* chosen(reports: AsyncIterable<Report>, { id, last }: ShowOptions): AsyncGenerator<Report> {
  if (id !== undefined) yield await findReport(reports, id)
  else if (last !== undefined) yield* await lastOf(reports, last)
  else yield* reports
}

async function lastOf(reports: AsyncIterable<Report>, count: number): Promise<Report[]> {
  const last: Report[] = []
  for await (const report of reports) {
    last.push(report)
    if (last.length > count) last.shift()
  }
  return last
}
