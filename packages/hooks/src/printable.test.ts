import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ACTING } from '../test/acting.ts'
import { isPrintable, printable, printableLines } from './printable.ts'

test.each([
  ['a line', 'a\nb\r\nc\td', 'a\\nb\\r\\nc\\td'],
  ['a command', '\u001b[2J \u009b2J \u001b]0;title\u0007', '\\x1b[2J \\x9b2J \\x1b]0;title\\x07'],
  ['a backspace and a delete', 'a\b\u007f\0', 'a\\x08\\x7f\\x00'],
  [
    'a direction',
    '\u202eabc\u202c \u2066x\u2069 \u200f\u061c',
    '\\u202eabc\\u202c \\u2066x\\u2069 \\u200f\\u061c',
  ],
  ['a separator of lines', 'a\u2028b\u2029c\u0085d', 'a\\u2028b\\u2029c\\x85d'],
  ['what is not seen', 'a\u200bb\u00ad\ufeff\u{e0041}', 'a\\u200bb\\xad\\ufeff\\u{e0041}'],
  ['half a surrogate', 'a\ud800b\udc00', 'a\\ud800b\\udc00'],
])('%s is shown instead of done', (_, text, shown) => {
  expect(printable(text)).toBe(shown)
  expect(isPrintable(text)).toBe(false)
})

test.each(['', 'plain text', 'Ünïcödé, 日本語, עברית, 😀', 'C:\\path\\n', '100 %'])(
  'text stays as it is: %s',
  (text) => {
    expect(printable(text)).toBe(text)
    expect(isPrintable(text)).toBe(true)
  },
)

test('joiners stay, for scripts and emoji are written with them', () => {
  const text = 'Zoë شکر می\u200cخواهم 東京 👩\u200d👩\u200d👧 ~!"$'
  expect(printable(text)).toBe(text)
  expect(isPrintable(text)).toBe(true)
})

test('lines may stay; a lone carriage return ends none', () => {
  expect(printableLines('a\r\nb\rc\n\u202e')).toEqual(['a', 'b\\rc', '\\u202e'])
})

test('whatever it is, nothing that acts is left, and it never gets shorter', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const shown = printable(text)
      expect(shown).not.toMatch(ACTING)
      expect(shown.length).toBeGreaterThanOrEqual(text.length)
      expect(printable(shown)).toBe(shown)
      expect(isPrintable(shown)).toBe(true)
      expect(isPrintable(text)).toBe(shown === text)
    }),
  )
})
