import { expect } from 'vitest'
import type { Area, Case, World } from './case.ts'
import { balance } from './cases/balance.ts'
import { connections } from './cases/connections.ts'
import { disconnects } from './cases/disconnects.ts'
import { endings } from './cases/endings.ts'
import { failures } from './cases/failures.ts'
import { http2 } from './cases/http2.ts'
import { isolation } from './cases/isolation.ts'
import { streams } from './cases/streams.ts'
import { uploads } from './cases/uploads.ts'
import { writing } from './cases/writing.ts'
import type { Protocol } from './fixture.ts'

const areas: readonly Area[] = [
  endings,
  failures,
  isolation,
  disconnects,
  writing,
  streams,
  uploads,
  connections,
  http2,
  balance,
]

/** Those that can be shown over a protocol. */
export function areasOf(protocol: Protocol): readonly Area[] {
  return areas.filter((area) => area.protocols.includes(protocol))
}

/** The cases of an area, and what is to be true of the server when they are over. */
export function casesOf(area: Area, protocol: Protocol): readonly Case[] {
  const lives: Case = { name: `${area.name}: the server lives until it is told to stop`, run: isAlive }
  const isQuiet: Case = { name: `${area.name}: no stack is on stderr when all is over`, run: hasNoStack }
  return [...area.cases(protocol), lives, ...(area.quiet ? [isQuiet] : [])]
}

async function isAlive({ target, fetch, path }: World): Promise<void> {
  const reply = await fetch({ path: path('hello') })
  expect(reply.status).toBe(200)
  const state = await Promise.race([target.exited, 'alive'])
  expect(state).toBe('alive')
}

async function hasNoStack({ target }: World): Promise<void> {
  // Only once the server has ended is all that it wrote sure to have come.
  await target.stop()
  expect(target.stderr()).not.toMatch(/\n[ \t]+at /)
}
