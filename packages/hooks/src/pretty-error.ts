import type { ReportedError } from '@curfew/core/report'
import { fit, fitLines, fitMiddle } from './fit.ts'
import type { Styles } from './styles.ts'

/** Lines that belong together, and what they are. */
export type Row = readonly [label: string, lines: readonly string[]]

const MAX_CAUSES = 5
const MAX_MEMBERS = 4

/** An error, the chain of its causes, and what an `AggregateError` among them is made of. */
export function rowsOfError(error: ReportedError | undefined, width: number, style: Styles): Row[] {
  const rows: Row[] = []
  let depth = 0
  for (let each = error; each; each = each.cause) {
    if (depth > MAX_CAUSES) {
      rows.push(['', ['…']])
      break
    }
    rows.push([depth === 0 ? 'error' : 'cause', linesOf(each, depth === 0 ? 6 : 3, width, style)])
    const { errors = [] } = each
    for (const [index, member] of errors.slice(0, MAX_MEMBERS).entries()) {
      rows.push([`  ${index + 1} of ${errors.length}`, linesOf(member, 2, width, style)])
    }
    depth++
  }
  return rows
}

function linesOf(error: ReportedError, maxFrames: number, width: number, style: Styles): string[] {
  const { name, message, fields, value } = error
  const lines = fitLines(message ? `${name}: ${message}` : name, width, 8).map(style.red)
  for (const more of [fields, value]) {
    if (more !== undefined) lines.push(...fit(String(JSON.stringify(more)), width, 2))
  }
  return [...lines, ...framesOf(error, maxFrames, width, style)]
}

const FOREIGN = /[\\/]node_modules[\\/]|[\s(]node:/

/** Where it was thrown, and from there on what is not of a package or of the runtime itself. */
function framesOf(
  { message, stack = '' }: ReportedError,
  max: number,
  width: number,
  style: Styles,
): string[] {
  // The message comes first, and may look like anything.
  const start = stack.includes(message) ? stack.indexOf(message) + message.length : 0
  const frames = stack.slice(start).split('\n').filter(isFrame)
  const shown = frames.filter((frame, index) => index === 0 || !FOREIGN.test(frame)).slice(0, max)
  const lines = shown.map((frame) => {
    const line = fitMiddle(shortened(frame), width - 2)
    return `  ${FOREIGN.test(frame) ? style.dim(line) : line}`
  })
  const more = frames.length - shown.length
  return more > 0 ? [...lines, `  ${style.dim(`and ${more} more`)}`] : lines
}

/** As V8 writes them, or as the others do. */
function isFrame(line: string): boolean {
  return /^\s*at /.test(line) || (line.includes('@') && /:\d+:\d+$/.test(line))
}

/** A path is shorter than its URL, and editors open it. */
function shortened(frame: string): string {
  return frame.trim().replace(/file:\/\/(?:\/(?=[A-Za-z]:))?/, '')
}
