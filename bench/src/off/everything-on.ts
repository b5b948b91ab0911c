import { setTimeout as sleep } from 'node:timers/promises'
import { guard } from '@curfew/core'
import { reporter } from '@curfew/core/report'
import { lightRequest } from '../light-request.ts'

const REQUESTS = 20

/** Some requests of a guard that has everything on. What they put off is done as well, afterwards. */
export function everythingOn(): () => Promise<void> {
  const guarded = guard(async () => new Response('hi'), {
    timeoutMs: 60_000,
    serverTiming: true,
    buffer: true,
    streamIdleMs: 1_000,
    streamTotalMs: 1_000,
    watch: 'eager',
    inbound: 'grpc-timeout',
    receivedAt: 'x-request-start',
    maxConcurrent: 1_000,
    maxAbandoned: 1_000,
    onShedding: () => {},
    shutdown: new AbortController().signal,
    onOutcome: () => {},
    onLateSettlement: () => {},
    reporter: reporter({ hooks: [] }),
    waitUntil: () => {},
  })
  return async () => {
    for (let i = 0; i < REQUESTS; i++) {
      const response = await guarded(lightRequest())
      await response.text()
    }
    await sleep(5)
  }
}
