import { expect, test } from 'vitest'
import { recordLog } from '../src/record-log.ts'

test('a record wakes everybody that it fits, once', async () => {
  const log = recordLog()
  const both = [log.waitFor(({ n }) => n === 1, 'one'), log.waitFor(({ event }) => event === 'a', 'an a')]
  const other = log.waitFor(({ n }) => n === 2, 'two')
  log.add({ event: 'a', n: 1 })
  expect(await Promise.all(both)).toEqual([
    { event: 'a', n: 1 },
    { event: 'a', n: 1 },
  ])
  log.add({ event: 'b', n: 2 })
  expect(await other).toEqual({ event: 'b', n: 2 })
})

test('the first of several that fit is the one', async () => {
  const log = recordLog()
  log.add({ event: 'a', n: 1 })
  log.add({ event: 'a', n: 2 })
  expect(await log.waitFor(({ event }) => event === 'a', 'an a')).toEqual({ event: 'a', n: 1 })
})

test('an ended log still has its past, and no future', async () => {
  const log = recordLog()
  log.add({ event: 'a' })
  const waiting = expect(log.waitFor(({ event }) => event === 'b', 'a b')).rejects.toThrow('it is over')
  log.end('it is over')
  await waiting
  expect(await log.waitFor(({ event }) => event === 'a', 'an a')).toEqual({ event: 'a' })
  await expect(log.waitFor(({ event }) => event === 'b', 'a b')).rejects.toThrow(
    'no record of a b: it is over',
  )
})
