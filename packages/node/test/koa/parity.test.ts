import { describe, expect, test } from 'vitest'
import { bare, guardings, type Protocol, run, statusesOf, type Trial } from './parity.ts'
import { bodies } from './trials/bodies.ts'
import { errors } from './trials/errors.ts'
import { packages } from './trials/packages.ts'
import { raw } from './trials/raw.ts'
import { statuses } from './trials/statuses.ts'

const groups: Record<string, Record<string, Trial>> = { bodies, statuses, errors, raw, packages }
const protocols: readonly Protocol[] = ['http', 'h2c']

/** An app behaves under a guard as it does without one, on the wire and to those that listen. */
describe.each(protocols)('over %s', (protocol) => {
  for (const [group, trials] of Object.entries(groups)) {
    describe(group, () => {
      for (const [name, trial] of Object.entries(trials)) {
        if (trial.onlyHttp1 && protocol === 'h2c') continue
        test(name, async () => {
          const expected = await run(trial, bare, protocol)
          expect(expected.answers.map(({ status }) => status)).toEqual(statusesOf(trial, protocol))
          for (const [how, guarding] of Object.entries(guardings)) {
            expect({ how, ...(await run(trial, guarding, protocol)) }).toEqual({ how, ...expected })
          }
        })
      }
    })
  }
})
