import type { ReportedError } from '@curfew/core/report'
import { fit, fitLines, fitList, fitMiddle } from './fit.ts'
import { framesOf, isForeign, linesOfStack } from './frames-of.ts'
import { type Row, shiftOf, type View } from './pretty-row.ts'
import { printableJson } from './printable-json.ts'

const SHORT = { causes: 5, members: 4, message: 8, fields: 2, frames: { error: 6, cause: 3, member: 2 } }
const DETAILED = {
  causes: 8,
  members: 8,
  message: 16,
  fields: 20,
  frames: { error: 20, cause: 20, member: 20 },
}

/** So many errors are shown at all: causes have members, and members causes. */
const MAX_ERRORS = 32

type Role = keyof typeof SHORT.frames

/** An error, the chain of its causes, and what an `AggregateError` among them is made of. */
export function rowsOfError(error: ReportedError | undefined, view: View): Row[] {
  const rows: Row[] = []
  for (const row of rowsOf(error, 'error', 'error', 0, view)) {
    if (rows.length === MAX_ERRORS) return [...rows, ['', ['…']]]
    rows.push(row)
  }
  return rows
}

function* rowsOf(
  error: ReportedError | undefined,
  label: string,
  role: Role,
  depth: number,
  view: View,
): Generator<Row> {
  const { causes, members } = view.details ? DETAILED : SHORT
  const inner = '  '.repeat(depth)
  let count = 0
  for (let each = error; each; each = each.cause) {
    if (count > causes) {
      yield [inner, ['…']]
      return
    }
    yield count === 0 ? rowOf(each, inner + label, role, view) : rowOf(each, `${inner}cause`, 'cause', view)
    // In short, a member stands for itself.
    if (role === 'member' && !view.details) return
    const { errors = [] } = each
    for (const [index, member] of errors.slice(0, members).entries()) {
      yield* rowsOf(member, `${index + 1} of ${errors.length}`, 'member', depth + 1, view)
    }
    count++
  }
}

function rowOf(error: ReportedError, label: string, role: Role, view: View): Row {
  const { name, message, value } = error
  const { message: maxLines, fields } = view.details ? DETAILED : SHORT
  const width = view.width - shiftOf(label)
  const lines = [
    ...fitLines(message ? `${name}: ${message}` : name, width, maxLines).map(view.style.red),
    ...fieldsOf(error, width, view),
    ...(value === undefined ? [] : fit(printableJson(value), width, fields)),
    ...stackOf(error, role, width, view),
  ]
  return [label, lines]
}

function fieldsOf({ fields }: ReportedError, width: number, { details }: View): string[] {
  if (!fields) return []
  if (!details) return fit(printableJson(fields), width, SHORT.fields)
  const each = Object.entries(fields).map(([name, value]) => `${name}: ${printableJson(value)}`)
  return fitList(each, width, 4, DETAILED.fields)
}

/** Where it was thrown, and from there on, unless all is to be seen, what is of the app itself. */
function stackOf(error: ReportedError, role: Role, width: number, { style, details }: View): string[] {
  const all = details ? linesOfStack(error) : framesOf(error)
  const { frames } = details ? DETAILED : SHORT
  const shown = all
    .filter((frame, index) => details || index === 0 || !isForeign(frame))
    .slice(0, frames[role])
  const lines = shown.map((frame) => {
    const line = fitMiddle(frame, width - 2)
    return `  ${isForeign(frame) ? style.dim(line) : line}`
  })
  const more = all.length - shown.length
  return more > 0 ? [...lines, `  ${style.dim(`and ${more} more`)}`] : lines
}
