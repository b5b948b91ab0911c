import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import {
  expected,
  type Peer,
  peers,
  peersTable,
  type Question,
  questions,
  remarks,
} from './peers/expected.ts'
import { answers, type Observed, observe, remarksHold } from './peers/observe.ts'

const observed = {} as Record<Peer, Observed>

beforeAll(() => {
  for (const peer of peers) observed[peer] = observe(peer)
})

describe.each(peers)('%s', (peer) => {
  test.each(Object.entries(questions))('%s: %s', async (question) => {
    expect(await answers[question as Question](observed[peer])).toBe(expected(question as Question, peer))
  })
})

test.each(Object.entries(remarks))('remark %s', async (remark) => {
  expect(await remarksHold[remark as keyof typeof remarks](observed)).toBe(true)
})

test('the table of the README is what these tests show', () => {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')
  expect(/<!-- peers -->\s*(.*?)\s*<!-- \/peers -->/s.exec(readme)?.[1]).toBe(peersTable())
})
