import { InvalidOptionError } from '@curfew/core'
import { describe, expect, test } from 'vitest'
import { Given } from './given.ts'
import { readName, readPath, spellName, spellPath } from './spelling.ts'

test('values are found by the section and the name that they were given for', () => {
  const given = new Given(['header.X-Token=a=b', 'query.tag=1', 'query.tag=2', 'cookie.s=', 'body.a.b=c'])
  expect(given.values('header')).toEqual(new Map([['x-token', ['a=b']]]))
  expect(given.values('query')).toEqual(new Map([['tag', ['1', '2']]]))
  expect(given.values('cookie')).toEqual(new Map([['s', ['']]]))
  expect(given.settings('body')).toMatchObject([{ path: ['a', 'b'], name: 'a.b', value: 'c', json: false }])
})

test('a value may have any characters, ends of lines and further equals signs too', () => {
  expect(new Given(['body=a\n=b']).whole('body')).toBe('a\n=b')
  expect(new Given(['path=/a=b']).whole('path')).toBe('/a=b')
})

test('a value behind := is JSON, in bodies', () => {
  expect(new Given(['body.n:=1']).settings('body')).toMatchObject([{ path: ['n'], value: '1', json: true }])
  expect(new Given(['body.n\\:=1']).settings('body')).toMatchObject([{ path: ['n:'], json: false }])
  expect(new Given(['query.n:=1']).settings('query')).toMatchObject([{ name: 'n:', json: false }])
})

test.each([
  'authorization=x',
  'header=x',
  'header.=x',
  'cookie.=x',
  'header.x',
  'query',
  '',
  '=x',
  'toString.x=y',
  'body.n:={',
])('--set %s is refused', (option) => {
  expect(() => new Given([option])).toThrow(InvalidOptionError)
})

test('a refusal does not say the value again, for it may be a secret', () => {
  expect(() => new Given(['authorization=s3cret'])).toThrow(/got "authorization"$/)
})

test.each(['path', 'headers', 'header.', 'x.y', ''])('--drop %s is refused', (option) => {
  expect(() => new Given([], [option])).toThrow(InvalidOptionError)
})

test('what contradicts itself is refused', () => {
  expect(() => new Given(['header.x=1'], ['header.X'])).toThrow(/Invalid option --drop/)
  expect(() => new Given(['body=x', 'body.a=1'])).toThrow(/either one whole body or parts/)
  expect(() => new Given(['body=x', 'body=y'])).toThrow(/either one whole body or parts/)
})

test('what was to be left out and was not there is known', () => {
  const given = new Given([], ['header.x', 'query.y', 'cookie'])
  expect([given.drop('header', 'x'), given.drop('header', 'y'), given.drop('query')]).toEqual([
    true,
    false,
    false,
  ])
  expect(given.unused()).toEqual(['query.y', 'cookie'])
})

describe('spelling', () => {
  const names = ['a', '', 'a.b', 'a=b', 'a:', ':', 'a\\b', '\\', '\\.', 'a\nb', '[0]', '👩‍👩‍👧', '__proto__']

  test.each(names)('the name %j is read as it was spelled', (name) => {
    expect(readName(spellName(name))).toBe(name)
    expect(new Given([`query.${spellName(name)}=v=w`]).values('query')).toEqual(new Map([[name, ['v=w']]]))
  })

  test('a path is read as it was spelled, whatever its keys are', () => {
    expect(readPath(spellPath(names))).toEqual(names)
    for (const key of names) {
      const set = `body.${spellPath(['x', key])}=1`
      expect(new Given([set]).settings('body')).toMatchObject([{ path: ['x', key], json: false }])
    }
  })
})
