import { createReadStream } from 'node:fs'
import { parseReport, type Report } from '@curfew/core/report'
import { fitOne, printable } from '@curfew/hooks/format'
import { CannotReadError, isOfSystem } from './cli-error.ts'
import type { Io } from './io.ts'
import { type Line, Lines, MAX_LINE } from './lines.ts'

/** So deep a report may be nested, for whoever looks at it recurses. */
const MAX_DEPTH = 500

const MAX_REASON = 300

/** Takes lines for reports, and says on stderr which of them are none. */
export class ReportReader {
  /** How many lines were bad. A torn one does not count. */
  badLines = 0
  private readonly name: string
  private readonly io: Pick<Io, 'stderr'>
  private readonly decoder = new TextDecoder('utf-8', { fatal: true })

  constructor(file: string, io: Pick<Io, 'stderr'>) {
    this.name = nameOf(file)
    this.io = io
  }

  /** The report of a line; `undefined` for a bad one, and for one with nothing on it. */
  read({ bytes, number, torn }: Line): Report | undefined {
    try {
      if (!bytes) throw new RangeError(`line is longer than ${MAX_LINE} bytes`)
      const text = this.decoder.decode(bytes)
      if (text.trim() === '') return undefined
      const value: unknown = JSON.parse(text)
      if (!isShallow(value, MAX_DEPTH)) throw new RangeError(`nested deeper than ${MAX_DEPTH}`)
      return parseReport(value)
    } catch (error) {
      if (!torn) this.badLines++
      const reason = fitOne(error instanceof Error ? error.message : String(error), MAX_REASON)
      this.warn(
        number,
        torn ? `warning: the last line has no end, and is no whole report: ${reason}` : reason,
      )
      return undefined
    }
  }

  private warn(line: number, reason: string): void {
    this.io.stderr.write(`${printable(this.name)}:${line}: ${reason}\n`)
  }
}

/**
 * Reads the reports of a file one after another, without ever having all of them in memory; `-` is stdin.
 *
 * @throws {CannotReadError} if the file cannot be opened, or read to its end
 */
export async function* readReports(file: string, reader: ReportReader, io: Io): AsyncGenerator<Report> {
  const lines = new Lines()
  try {
    for await (const chunk of file === '-' ? io.stdin : createReadStream(file)) yield* read(lines.push(chunk))
  } catch (error) {
    throw isOfSystem(error) ? new CannotReadError(nameOf(file), error) : error
  }
  yield* read(lines.end())

  function* read(of: Iterable<Line>): Generator<Report> {
    for (const line of of) {
      const report = reader.read(line)
      if (report) yield report
    }
  }
}

/** What a file is called in messages. */
export function nameOf(file: string): string {
  return file === '-' ? '<stdin>' : file
}

function isShallow(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return true
  return depth > 0 && Object.values(value).every((item) => isShallow(item, depth - 1))
}
