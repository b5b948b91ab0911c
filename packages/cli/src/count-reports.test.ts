import { expect, test } from 'vitest'
import { makeReport } from '../test/support.ts'
import { ReportCounts } from './count-reports.ts'
import { Tally } from './tally.ts'

const counted = (tally: Tally<unknown>) =>
  Object.fromEntries(tally.sorted().map(({ key, count }) => [key, count]))

test('a report counts for as many requests as it stands for', () => {
  const counts = new ReportCounts()
  counts.add(makeReport({ id: 'a' }))
  counts.add(makeReport({ id: 'b', count: 40, repeatOf: 'a' }))
  expect([counts.reports, counts.requests]).toEqual([2, 41])
  expect(counted(counts.kinds)).toEqual({ failed: 41 })
})

test('a late report takes the place of the one that was made at the ending', () => {
  const counts = new ReportCounts()
  counts.add(makeReport({ id: 'a', kind: 'timed-out', fingerprint: 'f1' }))
  counts.add(makeReport({ id: 'b', kind: 'timed-out', fingerprint: 'f1' }))
  counts.add(makeReport({ id: 'a', kind: 'late', fingerprint: 'f2' }))
  expect([counts.reports, counts.requests]).toEqual([3, 2])
  expect(counted(counts.kinds)).toEqual({ 'timed-out': 1, late: 1 })
  expect(counted(counts.fingerprints)).toEqual({ f1: 1, f2: 1 })
  expect(counted(counts.routes)).toEqual({ 'GET /orders/:id': 2 })
})

test('the same crash was seen first when its request ended, even if it is late', () => {
  const counts = new ReportCounts()
  counts.add(makeReport({ id: 'a', time: 'one' }))
  counts.add(makeReport({ id: 'a', time: 'two', kind: 'late' }))
  expect(counts.fingerprints.sorted()).toMatchObject([
    { count: 1, first: { time: 'one' }, last: { time: 'two' } },
  ])
})

test('names of what every object has are names like others', () => {
  const counts = new ReportCounts()
  for (const id of ['__proto__', 'constructor', '__proto__']) counts.add(makeReport({ id, fingerprint: id }))
  expect(counted(counts.fingerprints)).toEqual(
    Object.fromEntries([
      ['__proto__', 1],
      ['constructor', 1],
    ]),
  )
})

test('ids are known so far back, and forgotten in the end', () => {
  const counts = new ReportCounts(2)
  for (const id of ['a', 'b', 'a', 'c', 'b']) counts.add(makeReport({ id }))
  expect(counts.requests).toBe(3)
  for (const id of ['d', 'e', 'f', 'g', 'a']) counts.add(makeReport({ id }))
  expect(counts.requests).toBe(8)
})

test('a tally tells only so many things apart, and counts the others together', () => {
  const tally = new Tally<undefined>(2)
  tally.add('a', 1, undefined)
  tally.add('b', 2, undefined)
  const others = tally.add('c', 4, undefined)
  tally.add('a', 8, undefined)
  expect([counted(tally), tally.others]).toEqual([{ a: 9, b: 2 }, 4])
  tally.takeBack(others, 4)
  expect(tally.others).toBe(0)
})

test('texts without end are not kept', () => {
  const counts = new ReportCounts()
  const long = 'x'.repeat(1_000_000)
  counts.add(makeReport({ fingerprint: long, error: { name: long, message: long, stack: `at ${long}:1` } }))
  expect(JSON.stringify(counts.fingerprints.sorted()).length).toBeLessThan(3_000)
})
