import { execFileSync } from 'node:child_process'
import { isPrintable } from '@curfew/hooks/format'
import { describe, expect, test } from 'vitest'
import { printf, quote } from './quote.ts'

function shell(script: string): Buffer {
  return execFileSync('/bin/sh', ['-c', script], { env: {} })
}

const everyByte = Buffer.from(Array.from({ length: 255 }, (_, index) => index + 1))

describe('quote()', () => {
  test.each([
    ['nothing', ''],
    ['what needs no quotes', 'http://a.example:80/x,y@%+_-=z'],
    ['an equals sign at the beginning', '=ls'],
    ['quotes of all kinds', `it's "so" \`id\``],
    ['what a shell would expand', `$HOME $(id) \${x} ~ * ? [a] {b,c} ! # & ; | < > \\ \\n %s`],
    ['a space and a tab', ' \t '],
    ['text of other scripts', 'Zoë 東京 👩‍👩‍👧'],
    ['an escape of a terminal', 'a\u001b[31m\u009bb'],
    ['an override of the direction', 'a\u202eb'],
    ['ends of lines in the middle', 'a\nb\r\nc'],
    ['ends of lines at the end', 'a\n\n\n'],
    ['only ends of lines', '\n\n'],
    ['a hyphen before what has to be escaped', "-n '\u001b'"],
    ['octal digits behind what has to be escaped', '\u001b123!'],
    ['halves of surrogates, as the character that replaces them', 'a\ufffdb'],
  ])('%s comes through the shell', (_, text) => {
    expect(shell(`printf %s ${quote(text)}`).toString()).toBe(text)
  })

  test('every byte but NUL comes through the shell', () => {
    expect(shell(`printf %s ${quote(everyByte)}`)).toEqual(everyByte)
    for (const byte of everyByte) {
      expect(shell(`printf %s ${quote(Uint8Array.of(byte))}`), String(byte)).toEqual(Buffer.of(byte))
    }
  })

  test('what is printed is harmless, and on one line unless the value ends in ends of lines', () => {
    expect(isPrintable(quote(everyByte))).toBe(true)
    expect(isPrintable(quote('a\nb\u202e'))).toBe(true)
  })

  test('NUL is refused, for no argument can have it', () => {
    expect(() => quote('a\0b')).toThrow('Cannot quote a NUL')
  })
})

test('printf() writes every byte, NUL too', () => {
  const bytes = Buffer.concat([
    Buffer.from("-e %s \\n 'x' !\n\n"),
    Buffer.of(0),
    everyByte,
    Buffer.from('7\n'),
  ])
  expect(shell(printf(bytes))).toEqual(bytes)
  expect(isPrintable(printf(bytes))).toBe(true)
})
