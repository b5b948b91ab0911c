import { expect, test } from 'vitest'
import { Lines } from './lines.ts'

function read(lines: Lines, ...chunks: string[]) {
  const found = chunks.flatMap((chunk) => [...lines.push(Buffer.from(chunk))])
  return [...found, ...lines.end()].map(({ number, bytes, torn }) => [number, bytes?.toString(), torn])
}

test('lines are told wherever the chunks end', () => {
  const text = 'one\ntwo\n\nfour é\n'
  for (let at = 0; at <= text.length; at++) {
    expect(read(new Lines(), text.slice(0, at), text.slice(at))).toEqual([
      [1, 'one', false],
      [2, 'two', false],
      [3, '', false],
      [4, 'four é', false],
    ])
  }
})

test('a character that is split between two chunks is whole again', () => {
  const bytes = Buffer.from('é\n')
  const lines = new Lines()
  expect([...lines.push(bytes.subarray(0, 1))]).toEqual([])
  expect([...lines.push(bytes.subarray(1))].map((line) => line.bytes?.toString())).toEqual(['é'])
})

test('the last line is torn if it has no end, and waits for that', () => {
  const lines = new Lines()
  expect([...lines.push(Buffer.from('one\ntw'))]).toHaveLength(1)
  expect([...lines.push(Buffer.from('o'))]).toEqual([])
  expect([...lines.end()].map((line) => [line.bytes?.toString(), line.torn])).toEqual([['two', true]])
})

test('a line that is too long is passed over, and those behind it are read', () => {
  expect(read(new Lines(4), 'abcd\nabc', 'de', 'fgh\nok\nabcdefgh')).toEqual([
    [1, 'abcd', false],
    [2, undefined, false],
    [3, 'ok', false],
    [4, undefined, true],
  ])
})

test('of a line that is too long nothing is kept', () => {
  const lines = new Lines(4)
  for (let count = 0; count < 100; count++) expect([...lines.push(Buffer.from('abc'))]).toEqual([])
  expect(Reflect.get(lines, 'parts')).toEqual([])
})
