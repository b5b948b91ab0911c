import type { Report } from '@curfew/core/report'
import { aFlag, checkOptions } from './check-options.ts'
import { fit, fitOne } from './fit.ts'
import { endingOf, kindOf, lateOf, repeatsOf, timingOf, whereOf } from './phrases.ts'
import { rowsOfError } from './pretty-error.ts'
import { rowsOfExchange } from './pretty-exchange.ts'
import { COLUMN, laidOut, type Row, type View } from './pretty-row.ts'
import { styles } from './styles.ts'

export interface PrettyOptions {
  /** Whether to use ANSI colours (default `false`). */
  color?: boolean
  /**
   * Whether to show nearly all there is (default `false`): headers, bodies on lines of their own, the head of the
   * response, whole stacks, the causes of all errors.
   */
  details?: boolean
}

const COLUMNS = 100

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
  const { color = false, details = false } = checkOptions(options, { color: aFlag, details: aFlag })
  const style = styles(color)
  const [what, line] = headingOf(report)
  const view: View = { width: COLUMNS - COLUMN, style, details }
  const exchange = rowsOfExchange(report, view)
  const rows = [
    ...rowsOfError(report.error, view),
    ...rowsOf(factsOfEnding(report, line.endsWith('…')), view),
    ...(details ? [] : exchange),
    ...rowsOf(factsOfOrigin(report), view),
    // What is long comes last.
    ...(details ? exchange : []),
  ]
  const heading = style[colorOf[report.kind]](style.bold(what)) + line.slice(what.length)
  return [heading, ...rows.flatMap((row) => laidOut(row, style.dim))].join('\n')
}

const colorOf = { failed: 'red', 'timed-out': 'yellow', abandoned: 'magenta', late: 'cyan' } as const

/** `FAILED 500  GET http://localhost/`: what it was, and of which request. */
function headingOf(report: Report): [what: string, line: string] {
  const { outcome, request } = report
  const what = `${kindOf(report).toUpperCase()} ${outcome.status}`
  return [what, fitOne(`${what}  ${request.method} ${request.url}`, COLUMNS)]
}

type Fact = readonly [label: string, text: string | undefined]

function factsOfEnding(report: Report, withUrl: boolean): Fact[] {
  return [
    ['repeats', repeatsOf(report)],
    ['url', withUrl ? report.request.url : undefined],
    ['outcome', endingOf(report)],
    ['late', lateOf(report)],
    ['took', timingOf(report)],
  ]
}

function factsOfOrigin(report: Report): Fact[] {
  const { request, id, fingerprint, time, omitted } = report
  return [
    ['time', time],
    ['route', request.route],
    ['request', request.id],
    ['report', `${id}, fingerprint ${fingerprint}`],
    ['where', whereOf(report)],
    ['omitted', omitted?.join(', ')],
  ]
}

/** Of what there is nothing to say, there is no row. */
function rowsOf(facts: readonly Fact[], { width, details }: View): Row[] {
  return facts.flatMap(([label, text]): Row[] => (text ? [[label, fit(text, width, details ? 16 : 3)]] : []))
}
