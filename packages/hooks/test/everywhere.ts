import type { Report } from '@curfew/core/report'
import { failed } from './reports.ts'

/** A report that says the same wherever something can be said. */
export function everywhere(text: string): Report {
  const error = {
    name: text,
    message: text,
    stack: `${text}\n  at ${text}`,
    fields: { [text]: text },
    value: text,
  }
  const member = { ...error, cause: error, errors: [error] }
  const headers = { [text]: text }
  return {
    ...failed,
    id: text,
    time: text,
    fingerprint: text,
    count: 2,
    repeatOf: text,
    error: { ...error, cause: error, errors: [member] },
    request: {
      id: text,
      method: text,
      url: text,
      route: text,
      headers,
      body: { kind: 'text', bytes: 1, complete: true, text },
    },
    response: { status: 500, headers },
    written: { status: 200, headers, bytes: 1 },
    outcome: { ...failed.outcome, phase: text },
    where: { service: text, region: text, runtime: { name: text } },
    omitted: [text],
  }
}
