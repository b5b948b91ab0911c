import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Area, type Case, openWorld, type World } from './case.ts'
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
import type { Fixture, Protocol } from './fixture.ts'

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

const caseMs = 60_000

/** Declares the suite for one server, which vitest then runs. */
export function conformance(name: string, fixture: Fixture): void {
  const protocols = fixture.protocols ?? ['http/1.1']
  checkExceptions(fixture, protocols)
  describe(name, () => {
    for (const protocol of protocols) {
      describe(protocol, () => {
        for (const area of areasOf(protocol)) declareArea(area, protocol, fixture)
      })
    }
  })
}

function areasOf(protocol: Protocol): readonly Area[] {
  return areas.filter((area) => area.protocols.includes(protocol))
}

function casesOf(area: Area, protocol: Protocol): readonly Case[] {
  const lives: Case = { name: `${area.name}: the server lives until it is told to stop`, run: isAlive }
  const isQuiet: Case = { name: `${area.name}: no stack is on stderr when all is over`, run: hasNoStack }
  return [...area.cases(protocol), lives, ...(area.quiet ? [isQuiet] : [])]
}

/** A name that no case has excuses nothing, and two cases of one name would be excused together. */
function checkExceptions(fixture: Fixture, protocols: readonly Protocol[]): void {
  const names = new Set<string>()
  for (const protocol of protocols) {
    const cases = areasOf(protocol).flatMap((area) => casesOf(area, protocol))
    for (const { name } of cases) {
      if (names.has(`${protocol}: ${name}`)) throw new RangeError(`two cases of one name: ${name}`)
      names.add(`${protocol}: ${name}`)
    }
  }
  for (const exception of Object.keys(fixture.exceptions ?? {})) {
    const isKnown =
      names.has(exception) || protocols.some((protocol) => names.has(`${protocol}: ${exception}`))
    if (!isKnown) throw new RangeError(`not a case of the suite: ${exception}`)
  }
}

function declareArea(area: Area, protocol: Protocol, fixture: Fixture): void {
  describe(area.name, () => {
    let world: World
    beforeAll(async () => {
      world = openWorld(await fixture.start(protocol), protocol, fixture.limitMs)
      if (world.target.routes.stats !== undefined) await world.books.markIdle()
    })
    afterAll(async () => {
      await world?.target.stop()
    })
    for (const { name, run, timeoutMs = caseMs } of casesOf(area, protocol)) {
      const reason = fixture.exceptions?.[`${protocol}: ${name}`] ?? fixture.exceptions?.[name]
      async function runAndClose(): Promise<void> {
        try {
          await run(world)
        } finally {
          world.close()
        }
      }
      if (reason === undefined) test(name, runAndClose, timeoutMs)
      else test.fails(`${name} (exception: ${reason})`, runAndClose, timeoutMs)
    }
  })
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
  expect(target.stderr()).not.toMatch(/\n\s+at /)
}
