import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type RawClient, rawClient } from '@curfew/conformance'
import type { LateSettlement, Outcome } from '@curfew/core'
import { ManualClock } from '@curfew/core/testing'
import express, { type Express } from 'express'
import express4 from 'express4'
import { onTestFinished } from 'vitest'
import { type CurfewMiddleware, curfew } from '../../src/express.ts'
import type { WritingGuardOptions } from '../../src/index.ts'
import { Journal } from '../support.ts'

// Guarded apps, with a time that stands still until a test lets it pass.

export const versions = [
  ['Express 5', express],
  ['Express 4', express4],
] as const

export interface Started {
  readonly guard: CurfewMiddleware
  readonly clock: ManualClock
  readonly outcomes: Journal<Outcome>
  readonly late: Journal<LateSettlement>
  readonly client: RawClient
  connect(): Promise<RawClient>
}

/** An app whose guard has 1,000 ms for each request, and a client that is connected to it. */
export async function startApp(
  make: typeof express,
  define: (app: Express, guard: CurfewMiddleware) => void,
  options: WritingGuardOptions = {},
): Promise<Started> {
  const clock = new ManualClock()
  const outcomes = new Journal<Outcome>()
  const late = new Journal<LateSettlement>()
  const guard = curfew({
    timeoutMs: 1_000,
    clock,
    onOutcome: (outcome) => outcomes.add(outcome),
    onLateSettlement: (settlement) => late.add(settlement),
    ...options,
  })
  const app = make()
  app.set('env', 'test')
  define(app, guard)
  const connect = await listen(app)
  return { guard, clock, outcomes, late, client: await connect(), connect }
}

/** Gives what connects to it. Both ends are closed when the test is over. */
export async function listen(listener: RequestListener): Promise<() => Promise<RawClient>> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  onTestFinished(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  return async () => {
    const client = await rawClient({ host: '127.0.0.1', port })
    onTestFinished(() => client.destroy())
    return client
  }
}
