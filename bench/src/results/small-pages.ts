import type { ContextResults } from '../context/context.ts'
import { spread } from '../numbers.ts'
import type { ReportResults } from '../reports/reports.ts'
import { table, withSpread } from './markdown.ts'

export function contextPage(results: ContextResults): string {
  const rows = Object.entries(results).flatMap(([runtime, runs]) =>
    ['without', 'within', 'without, afterwards'].map((where) => [
      `${runtime}, ${where}`,
      ...[1, 5, 20].map((times) => withSpread(spread(runs.map((run) => run[`${where}: ${times}`]! / 1_000)))),
    ]),
  )
  return `## Async context

Microseconds of an async function of so many awaits: without an \`AsyncLocalStorage\`, within its \`run()\`, and without again
once it has been used in the process. What \`curfew()\` of \`@curfew/hono\` tells late writes by.

${table(['awaits', '1', '5', '20'], rows)}`
}

export function reportsPage(results: ReportResults): string {
  const rows = Object.entries(results).flatMap(([runtime, byHook]) =>
    Object.entries(byHook).map(([hook, runs]) => {
      const hooks = runs.flatMap(({ hookMs }) => hookMs ?? [])
      return [
        `${runtime}: ${hook}`,
        withSpread(spread(runs.map(({ replyMs }) => replyMs))),
        hooks.length === 0 ? '' : withSpread(spread(hooks)),
      ]
    }),
  )
  return `## Reports and their hooks

A handler that reads a small JSON body and throws, over a real socket, one request after the other, each of them reported
whole: milliseconds, medians of 100 requests. What a report takes is paid by the request after it, which comes while the
report of the one before is made in the same thread.

${table(['', 'until the client has its reply', 'until the hook is done'], rows)}`
}
