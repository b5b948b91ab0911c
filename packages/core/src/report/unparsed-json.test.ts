import { describe, expect, test } from 'vitest'
import { REDACTED } from './report.ts'
import { UnparsedJson } from './unparsed-json.ts'

describe('its values', () => {
  test.each([
    [
      'that was cut',
      '{"user":{"name":"Ada","tags":["x","y"]},"token":"abc',
      ['name=Ada', 'tags=x', 'tags=y', 'token=abc'],
    ],
    ['with a comma too many', '{ "a" : "b" , }', ['a=b']],
    ['with escapes', '{"a\\u0062":"\\"\\u00e4\\\\"', ['ab="ä\\']],
    [
      'with numbers',
      '{"card":4111111111111111,"x3":[1.5,-2,true]',
      ['card=4111111111111111', 'x3=1.5', 'x3=-2'],
    ],
    ['with broken escapes', '["\\u12", "\\x", "\\', ['=\\u12', '=\\x', '=']],
    ['that is none', 'a=b&c=d', []],
    ['that is empty', '', []],
  ])('are found in JSON %s', (_, text, values) => {
    expect(Array.from(new UnparsedJson(text).values(), ([name, value]) => `${name}=${value}`)).toEqual(values)
  })

  test.each([
    ['quotes', '"'.repeat(65_536)],
    ['names', '"a":'.repeat(16_384)],
    ['spaces', `"a"${' '.repeat(65_536)}"b"`],
    ['backslashes', `"${'\\'.repeat(65_536)}`],
    ['quotes that are escaped', `"${'\\"'.repeat(32_768)}`],
    ['digits', '1'.repeat(65_536)],
    ['dots', `1${'.'.repeat(65_536)}`],
  ])('are found in no time, also in nothing but %s', (_, text) => {
    const start = performance.now()
    for (const _ of new UnparsedJson(text).values());
    new UnparsedJson(text).hideIn(`, "${text}"`)
    expect(performance.now() - start).toBeLessThan(1_000)
  })
})

describe('what a parser quotes of it', () => {
  function messageOf(text: string): string {
    try {
      JSON.parse(text)
    } catch (error) {
      return (error as Error).message
    }
    throw new Error('It is JSON')
  }

  test.each([
    'my secret',
    '{"password":hunter2secret}',
    'token=abcdefg&user=ada and so on and so on',
    'say "hi" to, "me" me',
  ])('is hidden: %s', (text) => {
    const json = new UnparsedJson(text)
    expect(json.hideIn(messageOf(text))).toMatch(
      /^Unexpected token '.', (\.{3})?"\[redacted\]"(\.{3})? is not valid JSON$/,
    )
    expect(json.hideIn(`SyntaxError: ${messageOf(text)}\n    at x`)).toMatch(
      /"\[redacted\]"(\.{3})? is not valid JSON\n {4}at x$/,
    )
  })

  test('is hidden where another engine says it in other words', () => {
    expect(new UnparsedJson('my secret').hideIn('JSON Parse error: Unexpected identifier "my"')).toBe(
      `JSON Parse error: Unexpected identifier "${REDACTED}"`,
    )
  })

  test('is shown if it is from somewhere else', () => {
    const message = messageOf('<!DOCTYPE html><html lang="en">')
    expect(new UnparsedJson('{"a":').hideIn(message)).toBe(message)
  })
})
