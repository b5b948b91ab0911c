import { afterAll, beforeAll, describe, test } from 'vitest'
import { areasOf, casesOf } from './areas.ts'
import { type Area, openWorld, type World } from './case.ts'
import type { Fixture, Protocol } from './fixture.ts'

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
