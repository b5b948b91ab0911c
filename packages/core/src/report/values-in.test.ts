import { describe, expect, test } from 'vitest'
import { cpuTime } from '../../test/cpu-time.ts'
import { valuesIn } from './values-in.ts'

function found(text: string, contentType = 'application/json'): string[] {
  return Array.from(valuesIn(text, contentType), ([name, value]) => `${name}=${value}`)
}

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
    expect(found(text)).toEqual(values)
  })

  test.each([
    ['quotes', '"'.repeat(65_536)],
    ['names', '"a":'.repeat(16_384)],
    ['spaces', `"a"${' '.repeat(65_536)}"b"`],
    ['backslashes', `"${'\\'.repeat(65_536)}`],
    ['quotes that are escaped', `"${'\\"'.repeat(32_768)}`],
    ['digits', '1'.repeat(65_536)],
    ['dots', `1${'.'.repeat(65_536)}`],
    ['names of parts', ';name='.repeat(10_000)],
    ['names of files', ';filename='.repeat(10_000)],
    ['quotes of names of files', `;filename=${'"'.repeat(65_536)}`],
    ['spaces in names of files', `;filename="${' '.repeat(65_536)}x`],
    ['ends of lines', `;name=a${'\r\n'.repeat(32_768)}`],
    ['lines', `;name=a\r\n${'a\r\n'.repeat(20_000)}`],
    ['braces', '['.repeat(65_536)],
  ])('are found in no time, also in nothing but %s', (_, text) => {
    const spent = cpuTime()
    for (const type of ['application/json', 'multipart/form-data', '']) found(text, type)
    expect(spent()).toBeLessThan(1_000)
  })

  test('are found in JSON by the names they have, also in JSON that is a string in it', () => {
    const inner = JSON.stringify({ password: 'hunter2', deep: JSON.stringify(['x']) })
    expect(found(JSON.stringify({ a: [1, 'b', null, true], inner })).sort()).toEqual(
      ['=x', 'a=1', 'a=b', 'deep=["x"]', `inner=${inner}`, 'password=hunter2'].sort(),
    )
  })

  test('are found with all of their digits', () => {
    expect(found('{"id":98765432109876543210}')).toContain('=98765432109876543210')
  })

  test('are found in forms, also in those that were cut or have another boundary', () => {
    expect(found('a=b+c&d=e', 'application/x-www-form-urlencoded')).toEqual(['a=b c', 'd=e'])
    const part = (name: string, value: string): string =>
      `--x\r\ncontent-disposition: form-data; name="${name}"\r\ncontent-type: text/plain\r\n\r\n${value}\r\n`
    const cut = part('password', 'hunter2') + part('note', 'two\r\nlines') + part('file', 'cut he')
    expect(found(cut, 'multipart/form-data; boundary=y')).toEqual([
      'password=hunter2',
      'note=two\r\nlines',
      'file=cut he\r\n',
    ])
  })

  test.each(['me.png', 'one "two" three', 'a=b;c', 'ends with \\'])(
    'are the names of files, too, as they stand there: %s',
    (name) => {
      const part = `--x\r\ncontent-disposition: form-data; name="file"; filename="${name}"\r\n\r\ncontent`
      expect(found(part, 'multipart/form-data; boundary=x')).toEqual(['file=content', `=${name}`, `=${name}`])
    },
  )

  test('are the names of files, too, as browsers escape them', () => {
    const part = 'content-disposition: form-data; name="file"; filename="%22a%%0D%0Ab"\r\n\r\ncontent'
    expect(found(part, 'multipart/form-data; boundary=x')).toContain('="a%\r\nb')
  })

  test('are found whatever the body is said to be', () => {
    expect(found('{"password":"hunter2"}', '')).toEqual(['password=hunter2'])
    expect(found('{"password":"hunter2"}', 'application/x-www-form-urlencoded')).toEqual(['password=hunter2'])
    expect(found('{"password":"hunt', 'text/plain')).toEqual(['password=hunt'])
  })
})
