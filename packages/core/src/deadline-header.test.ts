import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type DeadlineHeader, deadlineFormats, deadlineHeaders, listOfHeaders } from './deadline-header.ts'

const digitLimits = [
  ['connect-timeout-ms', 10],
  ['x-envoy-expected-rq-timeout-ms', 15],
] as const

describe.each(digitLimits)('%s', (name, most) => {
  const { parse, format } = deadlineFormats[name]

  test(`is up to ${most} digits`, () => {
    expect(parse('0')).toBe(0)
    expect(parse('250')).toBe(250)
    expect(parse('0250')).toBe(250)
    expect(parse('9'.repeat(most))).toBe(10 ** most - 1)
    expect(parse('9'.repeat(most + 1))).toBeNaN()
  })

  test.each(['', ' ', '-1', '+1', '1.5', '1e3', '0x10', 'Infinity', 'NaN', '100ms', '100 ', '100, 200', '٣'])(
    'is not %j',
    (value) => {
      expect(parse(value)).toBeNaN()
    },
  )

  test('is a number for nothing but digits', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'0123456789.-+e ') }), (value) => {
        const valid =
          value !== '' && value.length <= most && [...value].every((each) => each >= '0' && each <= '9')
        expect(Number.isNaN(parse(value))).toBe(!valid)
      }),
    )
  })

  test('has no room for more than its digits', () => {
    expect(format(Number.MAX_VALUE)).toBe('9'.repeat(most))
  })
})

test.each(deadlineHeaders)('%s is understood as it was written, and never says more', (name) => {
  const { parse, format } = deadlineFormats[name]
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1e12, noNaN: true }), (ms) => {
      expect(parse(format(ms))).toBeLessThanOrEqual(ms)
      if (ms < 9_999_999) expect(ms - parse(format(ms))).toBeLessThan(1)
    }),
  )
})

test('a list of them is one, or several', () => {
  expect(listOfHeaders('grpc-timeout')).toEqual(['grpc-timeout'])
  expect(listOfHeaders(deadlineHeaders)).toEqual(deadlineHeaders)
})

test.each([
  [[]],
  ['x-timeout-ms'],
  [['grpc-timeout', 'x-timeout-ms']],
  [undefined],
  [null],
  ['toString'],
  [5],
])('%j is no such list', (value) => {
  expect(listOfHeaders(value as DeadlineHeader)).toBeUndefined()
})
