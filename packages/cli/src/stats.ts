import { printable, printableJson } from '@curfew/hooks/format'
import { type Bar, barChart } from './bar-chart.ts'
import type { Context } from './context.ts'
import { ReportCounts, type Seen } from './count-reports.ts'
import { ExitCode } from './exit-code.ts'
import { ReportReader, readReports } from './read-reports.ts'
import type { Group, Tally } from './tally.ts'
import type { Terminal } from './terminal.ts'

export interface StatsOptions {
  /** How many of each to show; for machines all are. */
  readonly top: number
}

/** Counts the requests that the reports of a file stand for: by kind, by route and by fingerprint. */
export async function stats(
  file: string,
  { top }: StatsOptions,
  { io, terminal, json }: Context,
): Promise<ExitCode> {
  const reader = new ReportReader(file, io)
  const counts = new ReportCounts()
  for await (const report of readReports(file, reader, io)) counts.add(report)
  await io.stdout.write(
    json ? `${printableJson(forMachines(counts), 2)}\n` : forPeople(counts, top, terminal),
  )
  return reader.badLines > 0 ? ExitCode.badFile : ExitCode.ok
}

function forMachines({ reports, requests, kinds, routes, fingerprints }: ReportCounts): object {
  return {
    reports,
    requests,
    kinds: kinds.sorted().map(({ key, count }) => ({ kind: key, count })),
    routes: routes.sorted().map(({ last, count }) => ({ ...last, count })),
    fingerprints: fingerprints.sorted().map(({ key, count, first, last }) => ({
      fingerprint: key,
      count,
      error: last.error,
      first: first.time,
      last: last.time,
    })),
    others: { routes: routes.others, fingerprints: fingerprints.others },
  }
}

function forPeople(
  { reports, requests, kinds, routes, fingerprints }: ReportCounts,
  top: number,
  on: Terminal,
): string {
  const lines = [
    `${on.colors.bold(some(requests, 'request'))} in ${some(reports, 'report')}`,
    ...chapter('By kind', kinds, ({ key, count }) => ({ label: key, count }), top, on),
    ...chapter('By route', routes, ({ key, count }) => ({ label: printable(key), count }), top, on),
    ...chapter('By fingerprint', fingerprints, barOf, top, on),
  ]
  return `${lines.join('\n')}\n`
}

function chapter<Detail>(
  title: string,
  tally: Tally<Detail>,
  toBar: (group: Group<Detail>) => Bar,
  top: number,
  on: Terminal,
): string[] {
  const groups = tally.sorted()
  if (groups.length === 0) return []
  const shown = groups.slice(0, top)
  const rest = groups.slice(top).reduce((sum, { count }) => sum + count, tally.others)
  const more = rest > 0 ? [on.colors.dim(`  and ${some(rest, 'request')} of others`)] : []
  return ['', on.colors.bold(title), ...barChart(shown.map(toBar), groups[0]!.count, on), ...more]
}

function barOf({ key, count, first, last }: Group<Seen>): Bar {
  const { error } = last
  const seen = first.time === last.time ? `seen ${last.time}` : `first ${first.time}, last ${last.time}`
  const notes = [error && `${error.name}: ${error.message}`, error?.frame, seen]
  return { label: printable(key), count, notes: notes.filter((note) => note !== undefined).map(printable) }
}

function some(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}
