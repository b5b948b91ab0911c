import { printable, printableJson } from '@curfew/hooks/format'
import { blockOf } from './block-of.ts'
import type { Context } from './context.ts'
import { ExitCode } from './exit-code.ts'
import { follow, followStream } from './follow.ts'
import { type Line, Lines } from './lines.ts'
import { nameOf, ReportReader } from './read-reports.ts'

export interface TailOptions {
  /** How many lines there already are to begin with. */
  readonly lines: number
}

/**
 * Prints the last reports of a file, and then each one that is added, until the process is asked to stop. The end of
 * stdin, or of a pipe, ends it, too.
 */
export async function tail(file: string, { lines: count }: TailOptions, context: Context): Promise<ExitCode> {
  const { io, terminal, json } = context
  const signal = io.untilStopped()
  const reader = new ReportReader(file, io)
  let lines = new Lines()
  let live = false
  const waiting: Line[] = []

  /** Until all is read that there was, only the last lines are kept. */
  async function take(some: Iterable<Line>): Promise<void> {
    for (const line of some) {
      waiting.push(line)
      if (live) await printWaiting()
      else if (waiting.length > count) waiting.shift()
    }
  }

  async function printWaiting(): Promise<void> {
    for (const line of waiting.splice(0)) {
      const report = reader.read(line)
      if (report)
        await io.stdout.write(json ? `${printableJson(report)}\n` : `${blockOf(report, terminal)}\n`)
    }
  }

  const events = file === '-' ? followStream(nameOf(file), io.stdin, signal) : follow(file, signal)
  for await (const event of events) {
    if (event instanceof Uint8Array) await take(lines.push(event))
    else if (event === 'missing') io.stderr.write(`${printable(nameOf(file))}: waiting for it to be there\n`)
    else if (event === 'caught-up') {
      live = true
      await printWaiting()
    } else {
      await take(lines.end())
      lines = new Lines()
    }
  }
  if (signal.aborted) return ExitCode.ok
  await take(lines.end())
  return reader.badLines > 0 ? ExitCode.badFile : ExitCode.ok
}
