import type { Report, ReportedBody, ReportedHead } from '@curfew/core/report'
import { byteCount, cutLines, duration, oneLine } from './fit.ts'
import { formatError } from './format-error.ts'
import { safeJson, sanitizeLines } from './sanitize.ts'
import type { Colors } from './terminal.ts'

const LABEL = 12
const MAX_BODY = 30
const MAX_HEADERS = 100

const colorOf = { failed: 'red', 'timed-out': 'yellow', abandoned: 'magenta', late: 'cyan' } as const

/**
 * A report for people: a block of lines that ends with one. Whatever a client or an error chose is made harmless for a
 * terminal; what is long is cut, for `--json` has the whole of it.
 */
export function formatReport(report: Report, colors: Colors): string {
  const { request } = report
  const badge = colors[colorOf[report.kind]](
    colors.bold(`${report.kind.toUpperCase()} ${report.outcome.status}`),
  )
  const rows = rowsOf(report, colors).flatMap(([label, lines]) =>
    lines.map((line, index) => `  ${colors.dim((index === 0 ? label : '').padEnd(LABEL))}${line}`.trimEnd()),
  )
  return [`${badge}  ${oneLine(`${request.method} ${request.url}`)}`, ...rows, ''].join('\n')
}

type Row = readonly [label: string, lines: readonly string[]]

function rowsOf(report: Report, colors: Colors): Row[] {
  const { request, response, written, omitted, error } = report
  const facts: (readonly [label: string, text: string | undefined])[] = [
    ['time', report.time],
    ['report', `${report.id}, fingerprint ${report.fingerprint}`],
    ['repeats', report.repeatOf && `${report.count} requests like that of report ${report.repeatOf}`],
    ['request', request.id],
    ['route', request.route],
    ['outcome', outcomeOf(report)],
    ['took', tookOf(report.timing)],
    ['where', whereOf(report.where)],
    ['omitted', omitted?.join(', ')],
  ]
  return [
    ...(error ? [['error', formatError(error, colors)] as const] : []),
    ...facts.filter(([, text]) => text).map(([label, text]) => [label, [oneLine(text!)]] as const),
    ['headers', headersOf(request.headers)],
    ...(request.body ? [['body', bodyOf(request.body)] as const] : []),
    ...(response ? [['response', headOf(response)] as const] : []),
    ...(written ? [['written', headOf(written, `, ${byteCount(written.bytes)} of body`)] as const] : []),
  ]
}

function outcomeOf({ outcome, abandoned, late }: Report): string {
  const parts = [
    outcome.phase ? `${outcome.kind} while ${outcome.phase}` : outcome.kind,
    abandoned && !late ? 'its handler still at work' : '',
    late ? `its handler ${late.kind} ${duration(late.afterMs)} later` : '',
  ]
  return parts.filter(Boolean).join(', ')
}

function tookOf({ elapsedMs, timeoutMs, lateMs }: Report['timing']): string {
  const limit = timeoutMs === null ? 'no limit' : `limit ${duration(timeoutMs)}`
  return `${duration(elapsedMs)}, ${limit}${lateMs === undefined ? '' : `, timer ${duration(lateMs)} late`}`
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
  const words = (...parts: (string | undefined)[]): string => parts.filter(Boolean).join(' ')
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

function headersOf(headers: Readonly<Record<string, string>> = {}): string[] {
  return cutLines(
    Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    MAX_HEADERS,
  )
}

function headOf({ status, headers }: ReportedHead, more = ''): string[] {
  return [`${status}${more}`, ...headersOf(headers)]
}

function bodyOf(body: ReportedBody): string[] {
  const title = `${body.kind}, ${byteCount(body.bytes)}${body.complete ? '' : ', incomplete'}`
  return [title, ...cutLines(contentOf(body), MAX_BODY)]
}

function contentOf(body: ReportedBody): string[] {
  switch (body.kind) {
    case 'json':
      return safeJson(body.value, 2).split('\n')
    case 'text':
      return sanitizeLines(body.text)
    case 'opaque':
      return [`sha256 ${body.sha256}`]
    default:
      return body.fields.map(({ name, value, file }) =>
        file ? `${name}=@${value} (${file.type}, ${byteCount(file.bytes)})` : `${name}=${value}`,
      )
  }
}
