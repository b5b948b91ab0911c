import type { Report } from '@curfew/core/report'
import { lackOf } from './missing.ts'
import type { Answer } from './send.ts'

/** One thing about an answer, then and now; `undefined` where there was nothing, or nothing is known. */
export interface Row {
  readonly name: string
  readonly before: string | undefined
  readonly now: string | undefined
  /** Whether it is the same; `undefined` for what is not compared. */
  readonly same: boolean | undefined
}

/** These say what the answer is. */
const COMPARED = ['content-type', 'location']

/** These change by themselves. */
const SHOWN = ['retry-after', 'www-authenticate', 'x-request-id']

/**
 * What came back now beside what came back then. The status is compared, and the content type and location, the last
 * without the origin of its own server, as far as the report has them as they were. No body of an answer is captured,
 * so the code of a problem is only shown.
 *
 * @param target where the request was sent now
 */
export function compare(report: Report, answer: Answer, target: string): Row[] {
  const { response, outcome, request } = report
  const status = response?.status ?? outcome.status
  const gone = outcome.kind === 'client-closed' && !response
  const before = (name: string): string | undefined => own(response?.headers ?? {}, name)
  const now = (name: string): string | undefined => own(answer.headers, name)
  const rows: Row[] = [
    {
      name: 'status',
      before: gone ? `${status}, never sent: the client had left` : String(status),
      now: String(answer.status),
      same: status === answer.status,
    },
    ...COMPARED.map((name) => ({
      name,
      before: before(name),
      now: now(name),
      same:
        !response || lackOf(before(name) ?? '')
          ? undefined
          : normal(name, before(name), request.url) === normal(name, now(name), target),
    })),
    ...SHOWN.map((name) => ({ name, before: before(name), now: now(name), same: undefined })),
    { name: 'code', before: undefined, now: answer.code, same: undefined },
  ]
  return rows.filter((row) => row.before !== undefined || row.now !== undefined)
}

function normal(name: string, value: string | undefined, base: string): string | undefined {
  if (value === undefined) return undefined
  if (name === 'content-type') return parts(value.toLowerCase()).join(';')
  const from = base.startsWith('/') ? `http://localhost${base}` : base
  if (!URL.canParse(value, from)) return value
  const url = new URL(value, from)
  return url.origin === new URL(from).origin ? url.href.slice(url.origin.length) : url.href
}

function parts(value: string): string[] {
  return value.split(';').map((part) => part.trim())
}

/** By name in whatever case. */
function own(headers: Readonly<Record<string, string>>, name: string): string | undefined {
  return Object.entries(headers).find(([each]) => each.toLowerCase() === name)?.[1]
}
