import type { ReportedError } from '@curfew/core/report'

/**
 * The calls on the stack of an error, from the one that threw; a file is there by its path.
 *
 * @example
 * ```ts
 * const [thrower] = report.error ? framesOf(report.error) : []
 * ```
 */
export function framesOf(error: ReportedError): string[] {
  return linesOfStack(error).filter(isFrame)
}

/**
 * The same with whatever else is on the stack, but for what most engines begin one with: the message, which may look
 * like calls.
 */
export function linesOfStack({ name, message, stack = '' }: ReportedError): string[] {
  const lines = withoutHeading(stack, message || name).split('\n')
  return lines.map((line) => shortened(line.trim())).filter(Boolean)
}

/** Whether a call is not of the app's own code, but of a package or of the runtime. */
export function isForeign(frame: string): boolean {
  return /[\\/]node_modules[\\/]|[\s(]node:/.test(frame)
}

function withoutHeading(stack: string, heading: string): string {
  const lines = `${stack}\n`
  const start = heading ? lines.indexOf(`${heading}\n`) : -1
  return start < 0 || lines.slice(0, start).includes('\n') ? stack : lines.slice(start + heading.length)
}

/** As V8 writes them, or as the others do. */
function isFrame(line: string): boolean {
  return line.startsWith('at ') || (line.includes('@') && /:\d+:\d+$/.test(line))
}

/** A path is shorter than its URL, and editors open it. */
function shortened(frame: string): string {
  return frame.replace(/file:\/\/(?:\/(?=[A-Za-z]:))?/, '')
}
