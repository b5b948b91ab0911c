import type { LateSettlement, Outcome, Stats } from '@curfew/core'
import { ManualClock } from '@curfew/core/testing'
import Koa from 'koa'
import type { WritingGuardOptions } from '../../src/exchange-guard.ts'
import { Journal } from '../support.ts'
import { listen, type Protocol } from './parity.ts'

export interface StartedKoa {
  readonly app: Koa
  readonly port: number
  readonly clock: ManualClock
  readonly outcomes: Journal<Outcome>
  readonly late: Journal<LateSettlement>
  /** What the app was told as `error`. */
  readonly errors: unknown[]
}

/** An app on a free port. `use` is given options that stop the time, at a limit of 100 ms, and keep what is recorded. */
export async function startKoa(
  use: (app: Koa, options: WritingGuardOptions) => void,
  protocol: Protocol = 'http',
): Promise<StartedKoa> {
  const app = new Koa()
  const clock = new ManualClock()
  const outcomes = new Journal<Outcome>()
  const late = new Journal<LateSettlement>()
  const errors: unknown[] = []
  app.on('error', (error) => errors.push(error))
  use(app, {
    clock,
    timeoutMs: 100,
    onOutcome: (outcome) => outcomes.add(outcome),
    onLateSettlement: (settlement) => late.add(settlement),
  })
  const { port } = await listen(app.callback(), protocol)
  return { app, port, clock, outcomes, late, errors }
}

/** What is left when all is over. */
export const nothingLeft: Partial<Stats> = { active: 0, abandoned: 0 }

/** A timeout reply has these, and what was set outside. */
export const timeoutHeaders = [
  ['content-type', 'application/problem+json'],
  ['connection', 'keep-alive'],
  ['keep-alive', 'timeout=5'],
]
