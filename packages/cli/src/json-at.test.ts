import { InvalidOptionError } from '@curfew/core'
import { afterEach, expect, test } from 'vitest'
import { dropAt, lackingIn, setAt, withoutHoles } from './json-at.ts'

afterEach(() => {
  expect(Reflect.get({}, 'polluted')).toBeUndefined()
})

const json = (text: string): unknown => JSON.parse(text)

test('a value is put where there is one, where there is none, and at the end of an array', () => {
  const value = json('{"a":{"b":[1,{"c":2}]}}')
  setAt(value, ['a', 'b', '1', 'c'], 'x')
  setAt(value, ['a', 'b', '2'], 'y')
  setAt(value, ['d', 'e'], 'z')
  expect(value).toEqual({ a: { b: [1, { c: 'x' }, 'y'] }, d: { e: 'z' } })
})

test.each([
  ['a', 'x'],
  ['b', 'length'],
  ['b', '7'],
  ['b', '-1'],
  ['b', '01'],
  ['n', 'x'],
])('body.%s.%s is no place for a value', (...path) => {
  const value = json('{"a":"text","b":[1],"n":null}')
  expect(() => setAt(value, path, 'y')).toThrow(InvalidOptionError)
  expect(value).toEqual({ a: 'text', b: [1], n: null })
})

test('names of what every object has are names like others', () => {
  const value = json('{"__proto__":{"a":"[redacted]"}}')
  expect([...lackingIn(value)].map(({ path }) => path)).toEqual([['__proto__', 'a']])
  setAt(value, ['__proto__', 'polluted'], 'yes')
  setAt(value, ['constructor', 'prototype', 'polluted'], 'yes')
  expect(JSON.stringify(value)).toBe(
    '{"__proto__":{"a":"[redacted]","polluted":"yes"},"constructor":{"prototype":{"polluted":"yes"}}}',
  )
  expect(dropAt(value, ['__proto__', 'a'])).toBe(true)
  expect(dropAt(value, ['toString'])).toBe(false)
  expect(JSON.stringify(withoutHoles(value))).toBe(
    '{"__proto__":{"polluted":"yes"},"constructor":{"prototype":{"polluted":"yes"}}}',
  )
})

test('what is dropped leaves no hole, and what is behind it is still found where it was', () => {
  const value = json('{"list":["a","b","c",null],"x":1}')
  expect(['0', '1'].map((index) => dropAt(value, ['list', index]))).toEqual([true, true])
  expect(dropAt(value, ['x'])).toBe(true)
  expect(dropAt(value, ['list', '9'])).toBe(false)
  expect(withoutHoles(value)).toEqual({ list: ['c', null] })
})

test('all that is not as it was is found: values, parts of values, names, and what was cut', () => {
  const value = {
    a: '[redacted]',
    b: ['x', 'Bearer [redacted]'],
    '[redacted]': 1,
    c: 'lorem … (12 characters more)',
  }
  expect([...lackingIn(value)].map(({ path, reason, name }) => [path.join('.'), reason, name])).toEqual([
    ['a', 'redacted', false],
    ['b.1', 'redacted', false],
    ['[redacted]', 'redacted', true],
    ['c', 'cut', false],
  ])
})

test('the name of the prototype is put as a name, where it was and where it was not', () => {
  for (const text of ['{"__proto__":1}', '{}']) {
    const value = json(text)
    setAt(value, ['__proto__'], { polluted: 'yes' })
    expect(JSON.stringify(value)).toBe('{"__proto__":{"polluted":"yes"}}')
  }
  const value = json('{}')
  setAt(value, ['__proto__', 'polluted'], 'yes')
  expect(JSON.stringify(value)).toBe('{"__proto__":{"polluted":"yes"}}')
})
