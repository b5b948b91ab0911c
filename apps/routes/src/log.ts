import type { LateSettlement, Outcome } from '@curfew/core'
import type { GreeterEvent } from './greeter.ts'
import { routes } from './routes.ts'

/** Where the example tells what happens. */
export interface Log {
  listening(url: string, limitMs: number, reports?: string): void
  ending(outcome: Outcome, request: Request): void
  late(late: LateSettlement, request: Request): void
  greeter(event: GreeterEvent): void
}

/** One line for each event: for people, or as JSON for programs. */
export function createLog(format: 'text' | 'json'): Log {
  return format === 'json' ? jsonLog : textLog
}

const textLog: Log = {
  listening(url, limitMs, reports) {
    console.log(`Listening on ${url}, with a limit of ${limitMs} ms. Try, in another terminal:\n`)
    console.log(`  curl -i ${url}/short               # in time`)
    console.log(`  curl -i ${url}/long                # 503 at the deadline; the upstream call is cancelled`)
    console.log(
      `  curl -i -m 1 ${url}/long           # the client leaves: 499 in the log, nothing on the wire`,
    )
    console.log(`  curl -i ${url}/panic               # 500 without the message`)
    if (reports !== undefined) {
      console.log(`  npx curfew show ${reports}         # what crashed, where, for whom; then, with its id:`)
      console.log(`  npx curfew replay ${reports} --id … --to ${url}`)
    }
    console.log(`  curl -i ${url}/template            # fails half-way through the page: a clean 500`)
    console.log(`  curl -N -m 1 ${url}/events         # the stream outlives the deadline, not its reader`)
    console.log(`  curl -i --data-binary hello ${url}/upload       # answers with its length and hash`)
    console.log(`\nAll routes: ${Object.values(routes).join(' ')}\nHow each request ends:\n`)
  },
  ending(outcome, request) {
    const { status, kind, elapsedMs } = outcome
    const phase = 'phase' in outcome ? ` while ${outcome.phase}` : ''
    console.log(
      `${status} ${request.method} ${pathOf(request)}: ${kind}${phase} after ${Math.round(elapsedMs)} ms`,
    )
  },
  late(late, request) {
    console.log(
      `    ${request.method} ${pathOf(request)}: abandoned, ${late.kind} ${Math.round(late.afterMs)} ms later`,
    )
  },
  greeter({ state, name }) {
    console.log(`    SayHello(${name}): ${state}`)
  },
}

const jsonLog: Log = {
  listening: (url, limitMs) => write({ event: 'listening', url, limitMs }),
  ending: ({ kind, status, elapsedMs, ...rest }, request) =>
    write({
      event: 'ending',
      kind,
      status,
      elapsedMs,
      ...('phase' in rest && { phase: rest.phase }),
      method: request.method,
      path: pathOf(request),
    }),
  late: ({ kind, afterMs }, request) =>
    write({ event: 'late', settlement: kind, afterMs, path: pathOf(request) }),
  greeter: (event) => write({ event: 'greeter', ...event }),
}

function write(record: object): void {
  console.log(JSON.stringify(record))
}

function pathOf(request: Request): string {
  const { pathname, search } = new URL(request.url)
  return pathname + search
}
