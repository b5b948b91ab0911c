import { describe, expect, test } from 'vitest'
import { Roster } from './roster.ts'

/** With `a` to `e` on it, and their places. */
function roster() {
  const own = new Roster<string>()
  const places = new Map([...'abcde'].map((name) => [name, own.add(name)]))
  return { own, leave: (name: string) => own.leave(places.get(name)!) }
}

describe('a roster', () => {
  test('has everybody in the order in which they came', () => {
    const { own } = roster()
    own.add('f')
    expect([...own]).toEqual(['a', 'b', 'c', 'd', 'e', 'f'])
    expect(own.size).toBe(6)
  })

  test.each(['a', 'c', 'e', 'ac', 'ce', 'bcd', 'ab', 'de', 'edcba', 'cabed'])('lets %s leave', (names) => {
    const { own, leave } = roster()
    for (const name of names) leave(name)
    const left = [...'abcde'].filter((name) => !names.includes(name))
    expect([...own]).toEqual(left)
    expect(own.size).toBe(left.length)
    own.add('f')
    expect([...own]).toEqual([...left, 'f'])
  })

  test('may have the same one twice, each in a place of its own', () => {
    const own = new Roster<string>()
    const first = own.add('a')
    own.add('a')
    own.leave(first)
    expect([...own]).toEqual(['a'])
  })

  test('links nobody to who has left', () => {
    const own = new Roster<string>()
    const place = own.add('a')
    own.add('b')
    own.leave(place)
    expect(place).toEqual({ member: 'a', previous: undefined, next: undefined })
  })
})
