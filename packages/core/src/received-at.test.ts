import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { get } from '../test/support.ts'
import { ManualClock } from './manual-clock.ts'
import { parseReceivedAt, queueReader, type ReceivedAt } from './received-at.ts'

const instant = Date.UTC(2026, 0)

describe('the instant that a proxy noted', () => {
  test.each([
    ['seconds', '1767225600', instant],
    ['seconds, as New Relic has them', 't=1767225600', instant],
    ['seconds and milliseconds, as nginx writes them', 't=1767225600.123', instant + 123],
    ['seconds and microseconds', '1767225600.123456', instant + 123.456],
    ['milliseconds, as Heroku writes them', '1767225600123', instant + 123],
    ['milliseconds and a fraction', 't=1767225600123.5', instant + 123.5],
    ['microseconds, as Apache writes them', 't=1767225600123456', instant + 123.456],
    ['nanoseconds', '1767225600123456789', instant + 123.456],
  ])('may be in %s', (_, value, ms) => {
    expect(parseReceivedAt(value)).toBeCloseTo(ms, 2)
  })

  test.each([
    '',
    't=',
    't',
    '0',
    '1767225',
    '17672256001',
    '-1767225600',
    '1767225600.',
    '1767225600,123',
    'T=1767225600',
    't= 1767225600',
    '1767225600s',
    '1767225600 ',
    '1.7e9',
    '2026-01-01T00:00:00Z',
    't=1767225600, t=1767225601',
    '17672256001234567890',
    '1767225600.1234567890',
  ])('is not %j', (value) => {
    expect(parseReceivedAt(value)).toBeNaN()
  })

  test('is the same in every notation', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: Date.UTC(2002, 0), max: Date.UTC(2286, 0) }),
        fc.constantFrom('', 't='),
        (ms, prefix) => {
          const seconds = (ms / 1_000).toFixed(3)
          for (const value of [seconds, `${ms}`, `${ms}000`, `${ms}000000`, `${ms}.0`]) {
            expect(parseReceivedAt(prefix + value)).toBeCloseTo(ms, 2)
          }
        },
      ),
    )
  })

  test('is read in no time, however long it is', () => {
    const long = '1'.repeat(1_000_000)
    const start = performance.now()
    for (const value of [long, `t=${long}`, `1767225600.${long}`, 't='.repeat(500_000)]) {
      expect(parseReceivedAt(value)).toBeNaN()
    }
    expect(performance.now() - start).toBeLessThan(1_000)
  })
})

function queued(receivedAt: ReceivedAt, headers?: HeadersInit) {
  const implausible = vi.fn()
  const ms = queueReader(receivedAt, new ManualClock())(get('/', headers && { headers }), implausible)
  return { ms, ignored: implausible.mock.calls.length }
}

describe('the time in a queue', () => {
  test('is what has passed since', () => {
    expect(queued('x-request-start', { 'x-request-start': `t=${(instant - 250) / 1_000}` })).toEqual({
      ms: 250,
      ignored: 0,
    })
  })

  test('is none where the request says nothing', () => {
    expect(queued('x-request-start')).toEqual({ ms: 0, ignored: 0 })
    expect(queued(() => undefined)).toEqual({ ms: 0, ignored: 0 })
  })

  test('may come from a function', () => {
    expect(queued(() => instant - 40)).toEqual({ ms: 40, ignored: 0 })
  })

  test.each([1, 999, 1_000])('is none when the other clock is %d ms ahead', (ahead) => {
    expect(queued(() => instant + ahead)).toEqual({ ms: 0, ignored: 0 })
  })

  test.each([
    ['in the future', () => instant + 1_001],
    ['longer ago than is plausible', () => instant - 60_001],
    ['no number', () => Number.NaN],
    ['no instant', () => '5' as never],
    ['infinite', () => Number.NEGATIVE_INFINITY],
    [
      'not given, for the function throws',
      () => {
        throw new Error('no')
      },
    ],
  ])('is none, and that is told, when the instant is %s', (_, receivedAt) => {
    expect(queued(receivedAt)).toEqual({ ms: 0, ignored: 1 })
  })

  test('is none, and that is told, when the header is malformed', () => {
    expect(queued('x-request-start', { 'x-request-start': 'soon' })).toEqual({ ms: 0, ignored: 1 })
  })

  test('goes by the clock of the process where the guard has none of its own', () => {
    const clock = { now: () => 0, setTimeout: () => 0, clearTimeout: () => {} }
    const ms = queueReader(() => Date.now() - 500, clock)(get(), vi.fn())
    expect(ms).toBeGreaterThanOrEqual(499)
    expect(ms).toBeLessThan(5_000)
  })
})
