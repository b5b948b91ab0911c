import { type GuardOptions, guard, type Outcome, scopeOf } from '@curfew/core'
import { attachClient, SignalClient } from '@curfew/core/adapter'
import { type Report, reporter } from '@curfew/core/report'
import { ManualClock } from '@curfew/core/testing'

const endings: Outcome['kind'][] = []
const reports: Report[] = []

const options: GuardOptions = {
  timeoutMs: 5_000,
  clock: new ManualClock(),
  reporter: reporter({ hooks: [(report) => void reports.push(report)] }),
  onOutcome: ({ kind }) => void endings.push(kind),
}

const guarded = guard(async (request: Request, name: string) => {
  scopeOf(request).deadline.extend(1_000)
  return new Response(name)
}, options)

export function fetch(request: Request): Response | Promise<Response> {
  attachClient(request, new SignalClient(request))
  return guarded(request, 'Ada')
}

// @ts-expect-error The types are really there: a handler gets what it asks for.
guarded(new Request('http://localhost/'), 1)
