import type { Report } from '@curfew/core/report'
import { byteCount, duration, fitOne, printable, printableJson, printableLines } from '@curfew/hooks/format'
import { compare, type Row } from './compare.ts'
import type { Context } from './context.ts'
import { displayWidth, fitWidth } from './display-width.ts'
import { ExitCode } from './exit-code.ts'
import { Given } from './given.ts'
import { ReportReader, readReports } from './read-reports.ts'
import { type RebuiltRequest, rebuildRequest } from './rebuild-request.ts'
import { parseTarget } from './rebuild-url.ts'
import { refusal } from './refusal.ts'
import { findReport } from './select-reports.ts'
import { NoAnswerError, send } from './send.ts'
import { textOf } from './text-of.ts'

export interface ReplayOptions {
  readonly id: string
  readonly to: string
  readonly set?: readonly string[]
  readonly drop?: readonly string[]
  /** Milliseconds for the answer. */
  readonly timeout?: number
  readonly dryRun?: boolean
}

/** So much longer than then an answer may take, in milliseconds. */
const GRACE_MS = 10_000

const MAX_CELL = 200

const MAX_URL = 2_000

/** For a request that had no limit. */
const NO_LIMIT_MS = 50_000

/** Timers cannot do more. */
export const MAX_TIMEOUT_MS: number = 2 ** 31 - 1

/**
 * Sends the request of a report again and prints what came back beside what came back then. Nothing is sent as long as
 * a value is missing that the request had; what is missing is listed with the options that would help.
 *
 * @throws {NoSuchReportError} if there is no such report
 * @throws {CannotSendError} if what it has is no request, whatever is given
 * @throws {InvalidOptionError} if what is given cannot be part of the request
 */
export async function replay(file: string, options: ReplayOptions, context: Context): Promise<ExitCode> {
  const { io, json } = context
  const to = parseTarget(options.to)
  const given = new Given(options.set, options.drop)
  const report = await findReport(readReports(file, new ReportReader(file, io), io), options.id)
  const request = await rebuildRequest(report, given, to)
  const url = request.origin + request.path
  const { missing } = request
  for (const warning of request.warnings) io.stderr.write(`warning: ${printable(warning)}\n`)

  async function print(verdict: string, forMachines: object, forPeople: readonly string[]): Promise<void> {
    const text = json
      ? printableJson({ report: report.id, verdict, ...forMachines }, 2)
      : forPeople.join('\n')
    await io.stdout.write(`${text}\n`)
  }

  if (missing.length > 0) {
    if (json) await print('refused', { missing }, [])
    else io.stderr.write(`${refusal(report.id, missing).join('\n')}\n`)
    return ExitCode.refused
  }
  if (options.dryRun) {
    await print(
      'dry-run',
      { request: { method: request.method, url, ...contentOf(request) } },
      written(request, url),
    )
    return ExitCode.ok
  }
  const sent = { method: request.method, url }
  try {
    const answer = await send(request, options.timeout ?? timeoutOf(report))
    const rows = compare(report, answer, url)
    const verdict = rows.some(({ same }) => same === false) ? 'different' : 'same'
    const [before, now] = [report.timing.elapsedMs, answer.elapsedMs]
    const time: Row = { name: 'time', before: duration(before), now: duration(now), same: undefined }
    await print(verdict, { request: sent, comparison: rows, elapsedMs: { before, now } }, [
      fitOne(`${sent.method} ${url}`, MAX_URL),
      '',
      ...table([...rows, time], context),
      '',
      verdict === 'same' ? 'the same' : 'different',
    ])
    return verdict === 'same' ? ExitCode.ok : ExitCode.different
  } catch (error) {
    if (!(error instanceof NoAnswerError)) throw error
    const { reason, message } = error
    if (json) await print('no-answer', { request: sent, error: { reason, message } }, [])
    else io.stderr.write(`${printable(message)}\n`)
    return ExitCode.noAnswer
  }
}

function timeoutOf({ timing: { timeoutMs } }: Report): number {
  return Math.min(MAX_TIMEOUT_MS, Math.max(0, Math.round(timeoutMs ?? NO_LIMIT_MS)) + GRACE_MS)
}

function contentOf({ headers, body }: RebuiltRequest): object {
  const text = body && textOf(body)
  return {
    headers: Object.fromEntries(headers),
    ...(body && (text === undefined ? { bodyBase64: Buffer.from(body).toString('base64') } : { body: text })),
  }
}

/** A request as it would be sent. */
function written({ method, headers, body }: RebuiltRequest, url: string): string[] {
  const head = [`${method} ${url}`, ...[...headers].map(([name, value]) => `${name}: ${value}`)].map(
    printable,
  )
  if (!body) return head
  const text = textOf(body)
  return [...head, '', ...(text === undefined ? [`(${byteCount(body.byteLength)})`] : printableLines(text))]
}

function table(rows: readonly Row[], { terminal: { colors } }: Context): string[] {
  const cells = rows.map(({ name, before = '-', now = '-', same }) => ({
    cells: [name, fitOne(before, MAX_CELL), fitOne(now, MAX_CELL)],
    same,
  }))
  const all = [{ cells: ['', 'then', 'now'], same: undefined }, ...cells]
  const widths = [0, 1].map((column) => Math.max(...all.map(({ cells }) => displayWidth(cells[column]!))))
  return all.map(({ cells: [name = '', before = '', now = ''], same }) => {
    const line = `${fitWidth(name, widths[0]!, '')}  ${fitWidth(before, widths[1]!, '')}  ${now}`.trimEnd()
    return same === false ? colors.red(`${line}  (differs)`) : line
  })
}
