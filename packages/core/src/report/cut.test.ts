import fc from 'fast-check'
import { expect, test } from 'vitest'
import { cut } from './cut.ts'

test('a text that fits stays as it is', () => {
  expect(cut('', 0)).toBe('')
  expect(cut('one two', 7)).toBe('one two')
})

test('a longer one is cut between words, and says how much is missing', () => {
  expect(cut('one two three', 9)).toBe('one two … (5 characters more)')
  expect(cut('one two three', 8)).toBe('one two … (5 characters more)')
  expect(cut('one two\nthree', 12)).toBe('one two\n… (5 characters more)')
})

test('a word that is too long by itself goes whole, for half a secret could not be told for one', () => {
  expect(cut('secretsecret', 6)).toBe('… (12 characters more)')
  expect(cut('one secretsecret', 10)).toBe('one … (12 characters more)')
  expect(cut('anything', 0)).toBe('… (8 characters more)')
})

test('what is left is a beginning that ends with a word, and no longer than it may be', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.nat(60), (text, maxLength) => {
      const [beginning = ''] = cut(text, maxLength).split('… (')
      if (text.length <= maxLength || text.includes('…')) return
      expect(text.startsWith(beginning)).toBe(true)
      expect(beginning.length).toBeLessThanOrEqual(maxLength)
      expect(beginning).toMatch(/^$|\s$/)
    }),
  )
})
