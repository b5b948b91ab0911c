import { describe, expect, test } from 'vitest'
import { bodies } from './cases/bodies.ts'
import { errors } from './cases/errors.ts'
import { hooks } from './cases/hooks.ts'
import { packages } from './cases/packages.ts'
import { raw } from './cases/raw.ts'
import { requests } from './cases/requests.ts'
import { streams } from './cases/streams.ts'
import { type Case, type Mode, pipelined, run, type Wire } from './parity.ts'

const cases: Record<string, Case> = {
  ...bodies,
  ...errors,
  ...hooks,
  ...packages,
  ...raw,
  ...requests,
  ...streams,
}

const ways: readonly (readonly [Mode, Wire])[] = [
  ['plugin', 'http/1.1'],
  ['listener', 'http/1.1'],
  ['plugin', 'http/2'],
]

describe.each(ways)(
  'guarded by the %s over %s, an app is for its clients, its hooks and its log what it is without',
  (mode, wire) => {
    const known = Object.entries(cases).filter(([, each]) => wire === 'http/1.1' || !each.http1)
    test.each(known)('%s', async (_name, each) => {
      const bare = await run(each, 'bare', wire)
      const guarded = await run(each, mode, wire)
      expect(guarded).toEqual(bare)
      expect(guarded.answers).toHaveLength(each.asked.length)
    })
  },
)

/** What comes after an answer that closes the connection is not answered, and what of that is lost, is chance. */
const closing = /^connection: close\r$/im

test.each(Object.entries(cases))(
  'guarded, it sends the same bytes for requests that come at once: %s',
  async (_name, each) => {
    const bare = await pipelined(each, 'bare')
    const [first] = bare.split(closing)
    const guarded = await pipelined(each, 'plugin')
    expect(guarded.split(closing)[0]).toBe(first)
  },
)
