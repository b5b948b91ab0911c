import type { AddressInfo } from 'node:net'
import type { LateSettlement, Outcome } from '@curfew/core'
import { ManualClock } from '@curfew/core/testing'
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import { onTestFinished } from 'vitest'
import { type CurfewOptions, curfew } from '../../src/fastify.ts'
import { Journal } from '../support.ts'

export interface Guarded {
  readonly app: FastifyInstance
  readonly port: number
  readonly clock: ManualClock
  readonly outcomes: Journal<Outcome>
  readonly late: Journal<LateSettlement>
  /** What was logged: level, message, status, code of the error. */
  readonly log: string[]
}

export interface GuardedOptions {
  readonly curfew?: CurfewOptions
  readonly fastify?: FastifyServerOptions
  readonly protocol?: 'http' | 'h2c'
  /** What the app has before the guard. */
  readonly before?: (app: FastifyInstance) => unknown
}

/** A guarded app on a free port, whose time stands still, with a deadline of a second; closed when the test is over. */
export async function guarded(
  setUp: (app: FastifyInstance) => unknown,
  { curfew: own, fastify, protocol = 'http', before }: GuardedOptions = {},
): Promise<Guarded> {
  const clock = new ManualClock()
  const outcomes = new Journal<Outcome>()
  const late = new Journal<LateSettlement>()
  const log: string[] = []
  const options = {
    ...(protocol === 'h2c' && { http2: true }),
    logger: { stream: { write: (line: string) => log.push(essence(line)) } },
    forceCloseConnections: true,
    ...fastify,
  }
  const app = Fastify(options as never) as unknown as FastifyInstance
  onTestFinished(() => app.close())
  await before?.(app)
  await app.register(curfew, {
    timeoutMs: 1_000,
    clock,
    onOutcome: (outcome) => outcomes.add(outcome),
    onLateSettlement: (settlement) => late.add(settlement),
    ...own,
  })
  await setUp(app)
  await app.listen({ port: 0, host: '127.0.0.1' })
  log.length = 0
  const { port } = app.server.address() as AddressInfo
  return { app, port, clock, outcomes, late, log }
}

/** A log line without what is another one each time. */
export function essence(line: string): string {
  const { level, msg, res, err } = JSON.parse(line)
  return [level, msg, res?.statusCode, err?.code, err?.message].filter((part) => part !== undefined).join(' ')
}
