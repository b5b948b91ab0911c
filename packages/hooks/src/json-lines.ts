import { resolve as absolute } from 'node:path'
import { fileURLToPath } from 'node:url'
import { InvalidOptionError } from '@curfew/core'
import type { Hook, Report } from '@curfew/core/report'
import { atExit, isExiting } from './at-exit.ts'
import { aLimit, aWholeNumber, checkOptions } from './check-options.ts'
import { HookClosedError, QueueFullError } from './errors.ts'
import { type Appended, type Line, LogFile } from './log-file.ts'
import { printableJson } from './printable-json.ts'

export { HookClosedError, InvalidLineError, QueueFullError } from './errors.ts'
export { type JsonLine, type ReadJsonLinesOptions, readJsonLines } from './read-json-lines.ts'

export interface JsonLinesOptions {
  /** Bytes that the file may have before it is moved aside (default 10 MiB). A longer line gets a file to itself. */
  maxBytes?: number
  /** How many files to keep besides: `path.1` is the newest of them (default 5). */
  keep?: number
  /** Bytes of reports that may wait to be written (default 16 MiB); a report beyond that is refused. */
  maxQueuedBytes?: number
}

/** A hook that has to be told when there will be no more reports. */
export interface JsonLinesHook extends Hook {
  fire(report: Report): Promise<void>
  flush(): Promise<void>
  /** Writes what is left and lets go of the process: a report that comes later is refused. */
  close(): Promise<void>
}

interface Queued extends Line {
  resolve(): void
  reject(error: unknown): void
}

/**
 * Appends each report to a file, as JSON on a line of its own. `fire()` resolves when the operating system has the
 * line, and rejects, with the `code` of the system (`ENOSPC`, `EACCES`), when it will not have it; the next report is
 * tried again. `flush()` also waits for the disk. What is still queued when the process ends in order, by
 * `process.exit()` or an error that nobody caught too, is written then; a signal that nobody handles loses it.
 *
 * Folder and file are made if need be, the file for its owner only (mode 0600). A full one becomes `path.1`, and that
 * one `path.2`. Hooks and processes may share a path on a local disk, with the same options: no line is torn, and a
 * file is moved once; but it may get larger, for each of them looks how full it is by itself, and what is left at the
 * end of a process goes into it in any case.
 *
 * @throws {InvalidOptionError} for an option that is unknown or has a value that it cannot have
 *
 * @example
 * ```ts
 * const toFile = jsonLines('/var/log/shop/reports.jsonl', { maxBytes: 50 * 1024 * 1024 })
 * const reports = reporter({ hooks: [toFile] })
 * process.once('SIGTERM', async () => {
 *   await reports.flush()
 *   process.exit()
 * })
 * ```
 */
export function jsonLines(path: string | URL, options: JsonLinesOptions = {}): JsonLinesHook {
  const checks = { maxBytes: aLimit, keep: aWholeNumber, maxQueuedBytes: aLimit }
  const own = checkOptions(options, checks)
  const { maxBytes = 10 * 1024 * 1024, keep = 5, maxQueuedBytes = 16 * 1024 * 1024 } = own
  const file = new LogFile(toPath(path), maxBytes, keep)
  const queue: Queued[] = []
  let queuedBytes = 0
  let working: Promise<void> | undefined
  let closed: Promise<void> | undefined
  const forget = atExit(writeNow)

  function add(line: Queued): void {
    if (closed) return line.reject(new HookClosedError('json-lines'))
    if (queuedBytes + line.bytes > maxQueuedBytes) return line.reject(new QueueFullError(maxQueuedBytes))
    queuedBytes += line.bytes
    queue.push(line)
    if (isExiting()) writeNow()
    else working ??= work()
  }

  async function work(): Promise<void> {
    while (queue.length > 0) {
      const done = await file.append(queue)
      for (const { bytes } of done.lines) queuedBytes -= bytes
      settle(done)
    }
    working = undefined
  }

  /** For the end of the process, where nobody hears of a failure but through the console. */
  function writeNow(): void {
    const lines = queue.splice(0)
    if (lines.length === 0) return
    queuedBytes = 0
    const done = file.appendNow(lines)
    const lost = lines.length - done.written
    if (lost > 0) console.error(`Curfew reports not written: ${lost}`, done.error)
    settle(done)
  }

  function settle({ lines, written, error }: Appended<Queued>): void {
    for (const [index, line] of lines.entries()) {
      if (index < written) line.resolve()
      else line.reject(error)
    }
  }

  async function flush(): Promise<void> {
    await working
    await file.sync()
  }

  return {
    name: 'json-lines',
    fire: (report) =>
      new Promise((resolve, reject) => {
        const text = `${printableJson(report)}\n`
        add({ text, bytes: Buffer.byteLength(text), resolve, reject })
      }),
    flush,
    close() {
      closed ??= flush().finally(forget)
      return closed
    },
  }
}

function toPath(path: unknown): string {
  if (path instanceof URL && path.protocol === 'file:') return fileURLToPath(path)
  if (typeof path === 'string' && path !== '') return absolute(path)
  throw new InvalidOptionError('path', 'a path or a file: URL', path)
}
