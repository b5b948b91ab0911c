import { createReadStream } from 'node:fs'
import { parseReport, type Report } from '@curfew/core/report'
import { aLimit, checkOptions } from './check-options.ts'
import { InvalidLineError } from './errors.ts'

export interface ReadJsonLinesOptions {
  /** Bytes that a line may have (default 16 MiB); a longer one is not read. */
  maxLineBytes?: number
}

/** A line of the file: its number, counted from 1, and the report that it is, or why it is none. */
export type JsonLine =
  | { readonly line: number; readonly report: Report; readonly error?: never }
  | { readonly line: number; readonly error: InvalidLineError; readonly report?: never }

const NEWLINE = 10

/**
 * Reads a file that {@link jsonLines} has written, a line at a time, however long it is. A line that is no report (torn
 * by a crash, say) is told, and the next one read; empty lines are passed over. The file is closed when the loop ends,
 * however it does.
 *
 * @throws {InvalidOptionError} for an option that is unknown or has a value that it cannot have
 * @throws the error of the system when there is no such file, or it cannot be read
 *
 * @example
 * ```ts
 * for await (const { line, report, error } of readJsonLines('reports.jsonl')) {
 *   if (error) console.error(error.message)
 *   else console.log(line, report.time, report.error?.message)
 * }
 * ```
 */
export async function* readJsonLines(
  path: string | URL,
  options: ReadJsonLinesOptions = {},
): AsyncGenerator<JsonLine, void, undefined> {
  const { maxLineBytes = 16 * 1024 * 1024 } = checkOptions(options, { maxLineBytes: aLimit })
  let line = 1
  let parts: Buffer[] = []
  let bytes = 0

  const add = (part: Buffer): void => {
    bytes += part.length
    if (bytes <= maxLineBytes) parts.push(part)
    else parts = []
  }
  const finish = (): JsonLine | undefined => {
    const read = bytes > maxLineBytes ? tooLong(line, maxLineBytes) : parse(line, Buffer.concat(parts))
    line++
    parts = []
    bytes = 0
    return read
  }

  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    let start = 0
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      add(chunk.subarray(start, end))
      start = end + 1
      const read = finish()
      if (read) yield read
    }
    add(chunk.subarray(start))
  }
  const last = finish()
  if (last) yield last
}

function tooLong(line: number, maxLineBytes: number): JsonLine {
  return { line, error: new InvalidLineError(line, `longer than ${maxLineBytes} bytes`) }
}

function parse(line: number, bytes: Buffer): JsonLine | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    return text.trim() === '' ? undefined : { line, report: parseReport(JSON.parse(text)) }
  } catch (cause) {
    return { line, error: new InvalidLineError(line, reasonOf(cause), cause) }
  }
}

function reasonOf(cause: unknown): string {
  if (cause instanceof SyntaxError) return 'not JSON'
  if ((cause as NodeJS.ErrnoException).code === 'ERR_ENCODING_INVALID_ENCODED_DATA') return 'not UTF-8'
  // It quotes what was wrong, whatever its length.
  return (cause as Error).message.slice(0, 500)
}
