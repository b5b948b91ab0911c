import type { Report, ReportKind } from '@curfew/core/report'
import { NoSuchReportError } from './cli-error.ts'

/** Which reports are asked for. */
export interface Selection {
  readonly kind?: readonly ReportKind[]
  /** The beginning of it is enough. */
  readonly fingerprint?: string
}

/** So many ids are named when the beginning of an id is that of several. */
const MAX_IDS = 10

/** The reports of these kinds, with this fingerprint. */
export async function* selectReports(
  reports: AsyncIterable<Report>,
  { kind, fingerprint = '' }: Selection,
): AsyncGenerator<Report> {
  for await (const report of reports) {
    if (kind && !kind.includes(report.kind)) continue
    if (report.fingerprint.startsWith(fingerprint)) yield report
  }
}

/**
 * The report with this id, or the only one whose id begins so. Of several with the same id it is the newest, for a
 * `late` report completes the one that was made at the ending.
 *
 * @throws {NoSuchReportError} if there is none, or if several ids begin so
 */
export async function findReport(reports: AsyncIterable<Report>, id: string): Promise<Report> {
  const ids = new Set<string>()
  let found: Report | undefined
  for await (const report of reports) {
    if (!report.id.startsWith(id)) continue
    // An id that is there as it was given is meant, even if others begin with it.
    if (report.id === id || found?.id !== id) found = report
    if (ids.size < MAX_IDS) ids.add(report.id)
  }
  if (!found || (found.id !== id && ids.size > 1))
    throw new NoSuchReportError('id', id, found ? [...ids] : [])
  return found
}
