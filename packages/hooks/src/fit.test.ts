import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ACTING } from '../test/acting.ts'
import { fit, fitLines, fitList, fitMiddle, fitOne } from './fit.ts'

describe('one line', () => {
  test('what fits stays', () => expect(fitOne('0123456789', 10)).toBe('0123456789'))
  test('what does not is cut at its end', () => expect(fitOne('0123456789a', 10)).toBe('012345678…'))
  test('a path is cut in its middle', () =>
    expect(fitMiddle('/a/long/way/file.ts:1:2', 16)).toBe('/a/lo…ile.ts:1:2'))
  test('characters beyond the first plane are not cut in two', () =>
    expect(fitOne('😀'.repeat(9), 4)).toBe('😀😀😀…'))
})

describe('some lines', () => {
  test('are broken at spaces', () => expect(fit('one two three', 8, 3)).toEqual(['one two', 'three']))
  test('or anywhere', () => expect(fit('0123456789abc', 8, 3)).toEqual(['01234567', '89abc']))
  test('end in … when there would be more', () => {
    expect(fit('one two three four five', 8, 2)).toEqual(['one two', 'three…'])
  })
  test('keep the lines that a text has', () => {
    expect(fitLines('one\n  two\r\n\nthree', 8, 5)).toEqual(['one', '  two', '', 'three'])
  })
  test('of many lines, as many as fit', () => {
    expect(fitLines('1\n2\n3\n4\n5', 8, 3)).toEqual(['1', '2', '…'])
  })
})

describe('a list', () => {
  test('has each text where it begins, and the rest of that further in', () => {
    expect(fitList(['one two three', 'a b'], 8, 3, 9)).toEqual(['one', '  two', '  three', 'a b'])
  })
  test('has so many lines of each, and says that there were more', () => {
    expect(fitList(['one two three four', 'five'], 8, 2, 9)).toEqual(['one', '  two…', 'five'])
  })
  test('that is long ends with how many there are besides', () => {
    expect(fitList(['a', 'b', 'c', 'd'], 8, 1, 2)).toEqual(['a', 'b', 'and 2 more'])
  })
  test('of nothing has no lines', () => expect(fitList([], 8, 1, 2)).toEqual([]))
})

test('whatever the text, it keeps to its place and has no space at an end', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.stringMatching(/^[ab \n]*$/),
    fc.stringMatching(/^ *x? *$/),
  )
  fc.assert(
    fc.property(
      text,
      fc.integer({ min: 2, max: 12 }),
      fc.integer({ min: 1, max: 4 }),
      (any, width, lines) => {
        const fitted = [
          [fitOne(any, width)],
          [fitMiddle(any, width)],
          fit(any, width, lines),
          fitLines(any, width, lines),
        ]
        for (const line of fitList([any, any], width + 2, lines, 2)) {
          expect([...line].length).toBeLessThanOrEqual(width + 2)
          expect(line).toBe(line.trimEnd())
          expect(line).not.toMatch(ACTING)
        }
        for (const each of fitted) {
          expect(each.length).toBeGreaterThan(0)
          expect(each.length).toBeLessThanOrEqual(lines)
          for (const line of each) {
            expect([...line].length).toBeLessThanOrEqual(width)
            expect(line).toBe(line.trimEnd())
            expect(line).not.toMatch(ACTING)
          }
        }
      },
    ),
  )
})

test('a text of megabytes takes no longer for what is not shown of it', () => {
  const text = 'a b\n'.repeat(2_000_000)
  const started = performance.now()
  for (let index = 0; index < 100; index++) {
    fit(text, 88, 3)
    fitLines(text, 88, 3)
  }
  // A hundred times over all of it is some 10 seconds.
  expect(performance.now() - started).toBeLessThan(1_000)
})
