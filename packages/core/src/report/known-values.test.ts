import { describe, expect, test } from 'vitest'
import { cpuTime } from '../../test/cpu-time.ts'
import { KnownValues } from './known-values.ts'
import { REDACTED } from './report.ts'

function knowing(...values: string[]): KnownValues {
  const known = new KnownValues()
  for (const value of values) known.add(value, 8)
  return known
}

function hidden(value: string, text: string): string {
  return knowing(value).hide(text)
}

test('are hidden wherever they stand in a text', () => {
  expect(hidden('abcdefgh', 'abcdefgh xabcdefghx abcdefgh')).toBe(`${REDACTED} x${REDACTED}x ${REDACTED}`)
  expect(hidden('abcdefgh', 'abcdefg abcdefg')).toBe('abcdefg abcdefg')
  expect(hidden('abcdefgh', '')).toBe('')
  expect(knowing().hide('abcdefgh')).toBe('abcdefgh')
})

test('are hidden as a whole where one is the beginning of another', () => {
  expect(knowing('abcdefgh', 'abcdefgh ijkl').hide('abcdefgh ijkl abcdefgh')).toBe(`${REDACTED} ${REDACTED}`)
  expect(knowing('bcdefghi', 'abcdefghij').hide('abcdefghij abcdefghi')).toBe(`${REDACTED} a${REDACTED}`)
})

test('may be made of anything', () => {
  for (const value of [
    '.*+?^$[]()|{}\\/-',
    '\\d+\\d+\\d+',
    "$&$1$`$$$'",
    '🔑🔑🔑🔑🔑',
    '\ud800 all alone',
    '__proto__',
    'constructor',
  ]) {
    expect(hidden(value, `before ${value}${value} after`)).toBe(`before ${REDACTED}${REDACTED} after`)
  }
})

test('are found unescaped where they came escaped', () => {
  expect(hidden('p%C3%A4ss%20word', 'no päss word, no p%C3%A4ss%20word')).toBe(
    `no ${REDACTED}, no ${REDACTED}`,
  )
})

test('are found as forms escape spaces', () => {
  expect(hidden('a b c d e', 'x=a+b+c+d+e')).toBe(`x=${REDACTED}`)
})

test('are looked for without the space around them', () => {
  expect(hidden('  abcdefgh\n', 'an abcdefgh')).toBe(`an ${REDACTED}`)
})

test('are none if they are too short, or what hidden ones look like', () => {
  const known = new KnownValues()
  known.add('abc', 0)
  known.add('abcd', 5)
  known.add('redacted', 4)
  known.add('    ', 0)
  expect(known.hide('abc abcd redacted [redacted]')).toBe('abc abcd redacted [redacted]')
  known.add('abcd', 4)
  expect(known.hide('abcd')).toBe(REDACTED)
})

test('may be added after some were looked for', () => {
  const known = knowing('abcdefgh')
  known.hide('abcdefgh')
  known.add('12345678', 8)
  expect(known.hide('abcdefgh 12345678')).toBe(`${REDACTED} ${REDACTED}`)
})

describe('in great numbers', () => {
  function timed(values: readonly string[], text: string): { seen: string; ms: number } {
    const known = knowing(...values)
    const spent = cpuTime()
    const seen = known.hide(text)
    return { seen, ms: spent() }
  }

  test('are all found, and fast', () => {
    const values = Array.from({ length: 10_000 }, (_, index) => `value ${index} of many`)
    const text = `${'a story about nothing '.repeat(3_000)}${values[0]} ${values[4_999]}`
    const { seen, ms } = timed(values, text)
    expect(seen.endsWith(`nothing ${REDACTED} ${REDACTED}`)).toBe(true)
    expect(ms).toBeLessThan(1_000)
  })

  test('are bounded', () => {
    const known = knowing(...Array.from({ length: 100_000 }, (_, index) => `${100_000 + index} a value`))
    expect(known.hide('100000 a value, 199999 a value')).toBe(`${REDACTED}, 199999 a value`)
  })

  test('are hidden too much rather than too slowly, when nearly all of the text is like them', () => {
    const values = Array.from({ length: 5_000 }, (_, index) => `${'a'.repeat(20)}${index}`)
    const { seen, ms } = timed(values, `${'a'.repeat(60_000)} ${values[7]}`)
    expect(seen).not.toContain(values[7])
    expect(ms).toBeLessThan(2_000)
  })

  test('of great length are found', () => {
    const value = 'x'.repeat(1_000_000)
    expect(timed([value], `a ${value} b`).seen).toBe(`a ${REDACTED} b`)
  })
})
