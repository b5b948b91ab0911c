import type { Report, ReportedBody } from '@curfew/core/report'
import { aFlag, checkOptions } from './check-options.ts'
import { duration, fit, fitOne } from './fit.ts'
import { type Row, rowsOfError } from './pretty-error.ts'
import { type Styles, styles } from './styles.ts'

export interface PrettyOptions {
  /** Whether to use ANSI colours (default `false`). */
  color?: boolean
}

const COLUMNS = 100
const LABEL = 12
const WIDTH = COLUMNS - LABEL

/**
 * A report for people: a block of lines without an end of line, 100 columns wide at most. Whatever the client or the
 * error chose is made harmless for a terminal; what is long is cut, so the whole of it is only in the report itself.
 *
 * @throws {InvalidOptionError} for an option that is unknown or has a value that it cannot have
 *
 * @example
 * ```ts
 * console.log(pretty(parseReport(JSON.parse(line)), { color: process.stdout.isTTY }))
 * ```
 */
export function pretty(report: Report, options: PrettyOptions = {}): string {
  const { color = false } = checkOptions(options, { color: aFlag })
  const style = styles(color)
  const [what, line] = headingOf(report)
  const rows: Row[] = [
    ...rowsOfError(report.error, WIDTH, style),
    ...factsOf(report, line.endsWith('…')).map(([label, text]): Row => [label, fit(text, WIDTH, 3)]),
  ]
  const heading = style[colorOf[report.kind]](style.bold(what)) + line.slice(what.length)
  return [heading, ...rows.flatMap((row) => laidOut(row, style))].join('\n')
}

const colorOf = { failed: 'red', 'timed-out': 'yellow', abandoned: 'magenta', late: 'cyan' } as const

/** `FAILED 500  GET http://localhost/`: what it was, and of which request. */
function headingOf({ kind, outcome, request }: Report): [what: string, line: string] {
  const what = `${kind.replace('-', ' ').toUpperCase()} ${outcome.status}`
  return [what, fitOne(`${what}  ${request.method} ${request.url}`, COLUMNS)]
}

function laidOut([label, lines]: Row, style: Styles): string[] {
  return lines.map((line, index) => {
    if (index > 0) return indented(line, LABEL)
    return `  ${style.dim(label)}${indented(line, LABEL - 2 - label.length)}`
  })
}

function indented(line: string, columns: number): string {
  return line && ' '.repeat(columns) + line
}

function factsOf(report: Report, withUrl: boolean): [label: string, text: string][] {
  const { request, outcome, timing, late, written, omitted } = report
  const facts: [label: string, text: string | false | undefined][] = [
    ['repeats', report.count !== 1 && `${report.count} requests like that of report ${report.repeatOf}`],
    ['url', withUrl && request.url],
    ['outcome', outcomeOf(outcome, report.abandoned)],
    ['late', late && `${late.kind} ${duration(late.afterMs)} after the end`],
    ['took', tookOf(timing)],
    ['written', written && `${written.status} with ${bytes(written.bytes)}`],
    ['body', request.body && bodyOf(request.body)],
    ['time', report.time],
    ['route', request.route],
    ['request', request.id],
    ['report', `${report.id}, fingerprint ${report.fingerprint}`],
    ['where', whereOf(report.where)],
    ['omitted', omitted?.join(', ')],
  ]
  return facts.filter((fact): fact is [string, string] => Boolean(fact[1]))
}

function outcomeOf({ kind, phase }: Report['outcome'], abandoned: boolean): string {
  return `${kind}${phase ? ` while ${phase}` : ''}${abandoned ? ', its handler still at work' : ''}`
}

function tookOf({ elapsedMs, timeoutMs, lateMs }: Report['timing']): string {
  const limit = timeoutMs === null ? 'no limit' : `limit ${duration(timeoutMs)}`
  return `${duration(elapsedMs)}, ${limit}${lateMs === undefined ? '' : `, timer ${duration(lateMs)} late`}`
}

function bodyOf(body: ReportedBody): string {
  return `${body.kind}, ${bytes(body.bytes)}${body.complete ? '' : ', incomplete'}: ${excerptOf(body)}`
}

function excerptOf(body: ReportedBody): string {
  switch (body.kind) {
    case 'json':
      return String(JSON.stringify(body.value))
    case 'text':
      return body.text
    case 'opaque':
      return `sha256 ${body.sha256}`
    default:
      return body.fields
        .map(({ name, value, file }) =>
          file ? `${name}=@${value} (${file.type}, ${bytes(file.bytes)})` : `${name}=${value}`,
        )
        .join(' & ')
  }
}

function bytes(count: number): string {
  return count === 1 ? '1 byte' : `${count} bytes`
}

function whereOf({
  service,
  version,
  instance,
  region,
  hostname,
  pid,
  runtime,
  os,
  arch,
}: Report['where']): string {
  const parts = [
    words(service, version),
    instance,
    region,
    hostname,
    pid === undefined ? '' : `pid ${pid}`,
    words(runtime?.name, runtime?.version),
    words(os, arch),
  ]
  return parts.filter(Boolean).join(', ')
}

function words(...parts: readonly (string | undefined)[]): string {
  return parts.filter(Boolean).join(' ')
}
