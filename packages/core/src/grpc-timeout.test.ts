import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatGrpcTimeout, parseGrpcTimeout } from './grpc-timeout.ts'

describe('a grpc-timeout', () => {
  test.each([
    ['1H', 3_600_000],
    ['2M', 120_000],
    ['3S', 3_000],
    ['400m', 400],
    ['5000u', 5],
    ['6000000n', 6],
    ['0m', 0],
    ['00000001S', 1_000],
    ['99999999H', 99_999_999 * 3_600_000],
    ['1n', 1e-6],
  ])('of %s is %d ms', (value, ms) => {
    expect(parseGrpcTimeout(value)).toBeCloseTo(ms, 9)
  })

  test.each([
    '',
    'S',
    '1',
    '100',
    '1s',
    '1h',
    '1ms',
    '123456789m',
    '-1S',
    '+1S',
    '1.5S',
    ' 1S',
    '1S ',
    '1S\n',
    '1S, 2S',
    '1e3m',
    '١S',
    '0x1S',
  ])('is not %j', (value) => {
    expect(parseGrpcTimeout(value)).toBeNaN()
  })

  test.each([
    [0, '0m'],
    [0.9, '0m'],
    [1, '1m'],
    [499.7, '499m'],
    [99_999_999.9, '99999999m'],
    [100_000_000, '100000S'],
    [1e11, '1666666M'],
    [1e13, '2777777H'],
    [Number.MAX_VALUE, '99999999H'],
  ])('for %d ms is %s', (ms, value) => {
    expect(formatGrpcTimeout(ms)).toBe(value)
  })

  test('is understood as it was written, and never says more', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e15, noNaN: true }), (ms) => {
        const value = formatGrpcTimeout(ms)
        expect(value).toMatch(/^\d{1,8}[HMSm]$/)
        const read = parseGrpcTimeout(value)
        expect(read).toBeLessThanOrEqual(ms)
        // What is lost is less than one of the unit, or what no timeout could say.
        if (ms < 99_999_999) expect(ms - read).toBeLessThan(1)
      }),
    )
  })

  test('is a number for nothing but what the specification knows', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'0123456789HMSmun +-.,s') }), (value) => {
        const valid = /^[0-9]+[HMSmun]$/.test(value) && value.length <= 9
        expect(Number.isNaN(parseGrpcTimeout(value))).toBe(!valid)
      }),
    )
  })

  test('is read in no time, however long it is', () => {
    const long = '1'.repeat(1_000_000)
    const start = performance.now()
    for (const value of [long, `${long}m`, ' '.repeat(1_000_000), `1m${' '.repeat(1_000_000)}`]) {
      expect(parseGrpcTimeout(value)).toBeNaN()
    }
    expect(performance.now() - start).toBeLessThan(1_000)
  })
})
