import type { Report } from '@curfew/core/report'

/** What a report can do without; it still tells what was thrown, at what request, and how that ended. */
const parts = [
  'request.body',
  'request.headers',
  'response',
  'written',
  'error.stack',
  'error.fields',
  'error.value',
  'error.cause',
  'error.errors',
]

/** The same report with one part less each time, the longest first. What was left out is in its `omitted`. */
export function* shorterReports(report: Report): Generator<Report> {
  const lengths = parts.map((path) => [path, lengthOf(at(report, path.split('.')))] as const)
  const present = lengths.filter(([, length]) => length > 0).sort((a, b) => b[1] - a[1])
  let rest = report
  for (const [path] of present) {
    const { omitted = [] } = rest
    rest = { ...(without(rest, path.split('.')) as Report), omitted: [...omitted, path] }
    yield rest
  }
}

function lengthOf(part: unknown): number {
  return part === undefined ? 0 : (JSON.stringify(part)?.length ?? 0)
}

function at(value: unknown, [name, ...rest]: readonly string[]): unknown {
  return name === undefined ? value : at((value as Record<string, unknown> | undefined)?.[name], rest)
}

function without(value: object, [name = '', ...path]: readonly string[]): object {
  const { [name]: part, ...others } = value as Record<string, unknown>
  return path.length === 0 ? others : { ...others, [name]: without(part as object, path) }
}
