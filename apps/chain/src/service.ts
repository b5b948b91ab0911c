import { type DeadlineHeader, guard, scopeOf } from '@curfew/core'
import { sleep } from '@curfew/example-routes'

/** Headers by which the services tell each other how long there is. The path of a request says which. */
export const headers: readonly DeadlineHeader[] = [
  'connect-timeout-ms',
  'x-envoy-expected-rq-timeout-ms',
  'grpc-timeout',
]

export interface ServiceOptions {
  readonly name: string
  /** The service that this one asks; the last one works instead, for ten seconds. */
  readonly next?: string | undefined
  /** Milliseconds that a request may take, whatever its caller says. */
  readonly timeoutMs?: number
}

/** What a service tells: one line of JSON on its standard output. */
export interface Told {
  readonly service: string
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly event: 'listening' | 'begins' | 'leaves' | 'stops'
  readonly what: string
}

const WORK_MS = 10_000

export function tell(service: string, event: Told['event'], what: string): void {
  const told: Told = { service, at: Date.now(), event, what }
  console.log(JSON.stringify(told))
}

/** A service of Web APIs alone. All that makes it stop with the others is in the options, and in whose `fetch` it is. */
export function createService({
  name,
  next,
  timeoutMs = 30_000,
}: ServiceOptions): (request: Request) => Response | Promise<Response> {
  async function handle(request: Request): Promise<Response> {
    const { fetch, signal, deadline } = scopeOf(request)
    const { pathname } = new URL(request.url)
    const said = headers.flatMap((header) => {
      const value = request.headers.get(header)
      return value === null ? [] : [`${header}: ${value}`]
    })
    tell(
      name,
      'begins',
      `has ${Math.floor(deadline.remainingMs())} ms${said.map((each) => ` (${each})`).join('')}`,
    )
    if (next) return fetch(new URL(pathname, next))
    await sleep(WORK_MS, signal)
    return new Response('all of the work\n')
  }

  const guards = new Map(
    headers.map((header) => [
      `/${header}`,
      guard(handle, {
        timeoutMs,
        inbound: headers,
        outbound: { headers: header },
        onOutcome: ({ kind, status, elapsedMs }) => {
          tell(
            name,
            'stops',
            `${kind} after ${Math.round(elapsedMs)} ms${kind === 'client-closed' ? '' : `, ${status}`}`,
          )
        },
      }),
    ]),
  )
  return (request) => {
    const guarded = guards.get(new URL(request.url).pathname)
    return guarded ? guarded(request) : new Response('No such header\n', { status: 404 })
  }
}
