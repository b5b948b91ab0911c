import { isPrintable, printable, printableJson } from '@curfew/hooks/format'
import type { Context } from './context.ts'
import { ExitCode } from './exit-code.ts'
import { Given } from './given.ts'
import { type Missing, missing } from './missing.ts'
import { printf, quote } from './quote.ts'
import { ReportReader, readReports } from './read-reports.ts'
import { isToken } from './rebuild-headers.ts'
import { type RebuiltRequest, rebuildRequest } from './rebuild-request.ts'
import { parseTarget } from './rebuild-url.ts'
import { linesOf } from './refusal.ts'
import { findReport } from './select-reports.ts'
import { textOf } from './text-of.ts'

export interface CurlOptions {
  readonly id: string
  readonly to?: string
  readonly set?: readonly string[]
  readonly drop?: readonly string[]
}

/** What stands for a whole body that is missing. */
const PLACEHOLDER = '[missing]'

/** Longer ones do not fit into one argument: Linux has 128 KiB for each. */
const MAX_ARGUMENT = 64 * 1024

/**
 * Prints a line for a POSIX shell that sends the request of a report with curl. Where a value is missing there is a
 * placeholder in it, and what is missing is listed on stderr.
 *
 * @throws {NoSuchReportError} if there is no such report
 * @throws {CannotSendError} if what it has is no request, whatever is given
 * @throws {InvalidOptionError} if what is given cannot be part of the request
 */
export async function curl(file: string, options: CurlOptions, { io, json }: Context): Promise<ExitCode> {
  const to = options.to === undefined ? undefined : parseTarget(options.to)
  const given = new Given(options.set, options.drop)
  const report = await findReport(readReports(file, new ReportReader(file, io), io), options.id)
  const request = await rebuildRequest(report, given, to)
  const lacking = [...request.missing, ...beyondCurl(request)]
  const command = commandOf(request)
  for (const warning of request.warnings) io.stderr.write(`warning: ${printable(warning)}\n`)
  if (lacking.length > 0) {
    io.stderr.write(
      `warning: values are missing, so this is not the same request:\n${linesOf(lacking).join('\n')}\n`,
    )
  }
  await io.stdout.write(
    json ? `${printableJson({ report: report.id, command, missing: lacking }, 2)}\n` : `${command}\n`,
  )
  return lacking.length > 0 ? ExitCode.refused : ExitCode.ok
}

/** The response to a HEAD has no body, and curl would wait for one if it were to send one. */
function beyondCurl({ method, body }: RebuiltRequest): Missing[] {
  return method === 'HEAD' && body ? [missing('body', 'curl sends none with HEAD', {})] : []
}

function commandOf(request: RebuiltRequest): string {
  const { input, words: data } = dataOf(request)
  const words = [
    // Brackets and braces in a URL are meant as they stand there.
    ...['curl', '--include', '--globoff'],
    ...methodOf(request),
    quote(request.origin + request.path),
    ...headersOf(request),
    ...data,
  ]
  return (input ? `${input} | ` : '') + words.join(' ')
}

function methodOf({ method, body }: RebuiltRequest): string[] {
  if (method === 'HEAD') return ['--head']
  return method === 'GET' && !body ? [] : ['-X', quote(method)]
}

function headersOf({ headers, body, missing }: RebuiltRequest): string[] {
  // curl takes a name that begins with an @ for that of a file.
  const sendable = [...headers].filter(
    ([name, value]) => isToken(name) && /^[\t\x20-\x7e\x80-\xff]*$/.test(value),
  )
  // curl adds these by itself, unless it is told that there are none.
  const own = ['accept', 'user-agent', ...(body || missing.length > 0 ? ['content-type', 'expect'] : [])]
  return [
    ...sendable.map(([name, value]) => (value === '' ? `${name};` : `${name}: ${value}`)),
    ...own.filter((name) => !headers.has(name)).map((name) => `${name}:`),
  ].flatMap((header) => ['-H', quote(Buffer.from(header, 'latin1'))])
}

/** How the body gets into curl: as an argument, by its file, or through stdin. */
function dataOf({ method, body, bodyFile, missing }: RebuiltRequest): { words: string[]; input?: string } {
  if (method === 'HEAD') return { words: [] }
  if (bodyFile !== undefined)
    return { words: ['--data-binary', quote(`@${bodyFile === '-' ? './-' : bodyFile}`)] }
  if (!body) {
    const lacking = missing.some(({ name }) => name === 'body')
    return { words: lacking ? ['--data-raw', quote(PLACEHOLDER)] : [] }
  }
  const text = textOf(body)
  if (text !== undefined && isPrintable(text) && body.byteLength <= MAX_ARGUMENT) {
    return { words: ['--data-raw', quote(text)] }
  }
  return { words: ['--data-binary', '@-'], input: printf(body) }
}
