import { expect, test } from 'vitest'
import { isHarmless, safeJson, sanitize, sanitizeLines } from './sanitize.ts'

test('what would command a terminal stands there by its number', () => {
  expect(sanitize('\u001b[31mred\u001b]0;title\u0007 \u009b2J \u007f\b\0')).toBe(
    '\\x1b[31mred\\x1b]0;title\\x07 \\x9b2J \\x7f\\x08\\x00',
  )
})

test('what would turn the direction of text, or is not seen, stands there by its number', () => {
  expect(sanitize('user\u202egpj.exe \u2066x\u2069 \u200b \ufeff \u{e0041}')).toBe(
    'user\\u202egpj.exe \\u2066x\\u2069 \\u200b \\ufeff \\u{e0041}',
  )
})

test('ends of lines cannot begin a new one', () => {
  expect(sanitize('a\r\nb\tc\u2028d\u0085e')).toBe('a\\r\\nb\\tc\\u2028d\\x85e')
  expect(sanitizeLines('a\r\nb\rc')).toEqual(['a', 'b\\rc'])
})

test('halves of surrogates stand there by their number', () => {
  expect(sanitize('a\ud800b')).toBe('a\\ud800b')
})

test('text of any script stays as it is, with emoji and joiners', () => {
  const text = 'Zoë شکر می‌خواهم 東京 👩‍👩‍👧 ~!"$'
  expect(sanitize(text)).toBe(text)
  expect(isHarmless(text)).toBe(true)
})

test('JSON has the same value and nothing that acts', () => {
  const value = { '\u202e': '\u001b[0m\u009b\u2028\ud800\u{e0041}\n', list: [1, null] }
  for (const indent of [undefined, 2]) {
    const json = safeJson(value, indent)
    expect(JSON.parse(json)).toEqual(value)
    expect(isHarmless(json.replaceAll('\n', ''))).toBe(true)
  }
  expect(safeJson(value)).not.toContain('\n')
})
