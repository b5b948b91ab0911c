import type { ReportedError } from '@curfew/core/report'
import { cutLines, oneLine } from './fit.ts'
import { safeJson, sanitizeLines } from './sanitize.ts'
import type { Colors } from './terminal.ts'

const MAX_CAUSES = 8
const MAX_STACK = 20

/** What was thrown, with its stack, its fields, its causes and members, each further in than what it belongs to. */
export function formatError(error: ReportedError, colors: Colors, depth = 0): string[] {
  const title = colors.bold(colors.red(oneLine(titleOf(error))))
  const facts = [
    ...stackOf(error).map((line) => colors.dim(line)),
    ...Object.entries(error.fields ?? {}).map(([name, value]) => oneLine(`${name}: ${safeJson(value)}`)),
    ...(error.value === undefined ? [] : [oneLine(`value: ${safeJson(error.value)}`)]),
    ...within('cause', error.cause ? [error.cause] : [], colors, depth),
    ...within('one of its errors', error.errors ?? [], colors, depth),
  ]
  return [title, ...facts.map((line) => `  ${line}`)]
}

function within(what: string, errors: readonly ReportedError[], colors: Colors, depth: number): string[] {
  if (errors.length > 0 && depth === MAX_CAUSES) return [`${what}: …`]
  const shown = errors.slice(0, MAX_CAUSES).flatMap((error) => {
    const [title = '', ...rest] = formatError(error, colors, depth + 1)
    return [`${what}: ${title}`, ...rest]
  })
  const more = errors.length - MAX_CAUSES
  return more > 0 ? [...shown, `${what}: … (${more} more)`] : shown
}

function titleOf({ name, message }: ReportedError): string {
  return message ? `${name}: ${message}` : name
}

/** The calls alone: most engines begin a stack with the name and the message. */
function stackOf({ stack = '', name, message }: ReportedError): string[] {
  const heading = [titleOf({ name, message }), message].find((each) => each && stack.startsWith(each)) ?? ''
  const lines = sanitizeLines(stack.slice(heading.length)).map((line) => line.trim())
  return cutLines(lines.filter(Boolean), MAX_STACK)
}

/** The call that threw, if the stack tells. */
export function firstFrame({ stack = '' }: ReportedError): string | undefined {
  const lines = stack.split('\n').map((line) => line.trim())
  return lines.find((line) => /^at .*(:\d+|\))$|^[^@\s]*@.+:\d+$/.test(line))
}
