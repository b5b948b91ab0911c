import fc from 'fast-check'
import { expect, test } from 'vitest'
import { inEverySpelling } from './in-every-spelling.ts'
import { KnownValues } from './known-values.ts'
import { REDACTED } from './report.ts'

function hidden(value: string, text: string): string {
  const known = new KnownValues()
  known.add(value, 8)
  return inEverySpelling(text, (read) => known.hide(read))
}

test.each([
  '.*+?^$[]()|{}\\/-',
  '\\d+\\d+\\d+',
  "$&$1$`$$$'",
  '((((((((',
  '%%%%%%%%',
  '"quoted" \\ and \\n',
  'ünïcödés',
  '密码密码密码密码',
  '🔑🔑🔑🔑🔑',
  '\ud800 all alone',
  '%41%42%43',
  '\\u0041bcd',
  'a b+c/d=e&f?g#h',
  '__proto__',
  'constructor',
])('a value is found as it is, in an address, in a form, in JSON and in JSON in an address: %s', (value) => {
  const json = JSON.stringify(value).slice(1, -1)
  const forms = [value, json, encodeURIComponent(wellFormed(value)), encodeURIComponent(json)]
  const form = new URLSearchParams({ v: value }).toString().slice(2)
  for (const each of [...forms, form]) {
    if (wellFormed(value) !== value && each.includes('%EF%BF%BD')) continue
    // The backslash that escapes the first character may stay.
    expect(hidden(value, `before ${each} after`)).toMatch(/^before \\?\[redacted\] after$/)
  }
})

test('it is found in the way that other programs escape it', () => {
  expect(hidden('päss/wörd "x"', '"p\\u00e4ss\\/w\\u00F6rd \\u0022x\\""')).toBe(`"${REDACTED}"`)
  expect(hidden('päss/wörd', '/a?b=p%c3%a4ss/w%C3%b6rd&c=%20')).toBe(`/a?b=${REDACTED}&c= `)
})

test('several are found in one text, each in its own spelling', () => {
  const hide = (text: string): string => text.replaceAll('a/b"c', '1').replaceAll('d e f', '2')
  expect(inEverySpelling('a/b"c, a%2Fb%22c, a/b\\"c, a%2Fb%5C%22c, d%20e%20f', hide)).toBe('1, 1, 1, 1, 2')
})

test('a text that it is not in stays as it is written', () => {
  for (const text of ['C:\\new\\u0041.txt', '/a%20b?c=%C3%A4', '100% \\ "\\"', '%ff%41']) {
    expect(hidden('abcdefgh', text)).toBe(text)
  }
})

test('it does not survive in any text', () => {
  const value = fc
    .string({ unit: 'grapheme', minLength: 8, maxLength: 20 })
    .filter((text) => text.trim().length > 7)
  const around = fc.string({ unit: 'binary', maxLength: 20 })
  const escaping = fc.constantFrom<((text: string) => string)[]>(
    (text) => text,
    (text) => JSON.stringify(text).slice(1, -1),
    encodeURIComponent,
    (text) => new URLSearchParams({ v: text }).toString().slice(2),
    (text) => encodeURIComponent(JSON.stringify(text).slice(1, -1)),
  )
  fc.assert(
    fc.property(value, around, around, escaping, (value, before, after, escaped) => {
      const written = escaped(value)
      const seen = hidden(value, before + written + after)
      expect(seen).toContain(REDACTED)
      expect(seen).not.toContain(written.trim())
    }),
    { numRuns: 1_000 },
  )
})

/** As addresses have it: half of a surrogate pair is another character there. */
function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '\ufffd')
}
