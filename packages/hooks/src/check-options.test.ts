import { InvalidOptionError } from '@curfew/core'
import { describe, expect, test } from 'vitest'
import { aFlag, aFunction, aLimit, aWholeNumber, type Check, checkOptions, oneOf } from './check-options.ts'

const checks = { color: aFlag, format: oneOf('pretty', 'json') }

function refusal(options: unknown): InvalidOptionError {
  try {
    checkOptions(options as object, checks as never)
  } catch (error) {
    if (error instanceof InvalidOptionError) return error
  }
  throw new Error('Options were taken')
}

test('options that are as they must be are handed back', () => {
  expect(checkOptions({ color: true, format: 'json' }, checks)).toEqual({ color: true, format: 'json' })
})

test('an option that is undefined was not given', () => {
  expect(checkOptions<{ color?: boolean | undefined }>({ color: undefined }, { color: aFlag }).color).toBe(
    undefined,
  )
})

test('a wrong value is refused by the name of its option, with what was expected and what was got', () => {
  expect(refusal({ format: 'xml' })).toMatchObject({
    option: 'format',
    code: 'INVALID_OPTION',
    message: `Invalid option format: expected 'pretty' or 'json', got "xml"`,
  })
})

test.each(['colour', 'toString', '__proto__', 'constructor'])('an unknown option is refused: %s', (name) => {
  expect(refusal(Object.fromEntries([[name, true]]))).toMatchObject({ option: name })
})

test.each([null, 5, 'color', [], () => {}])('options that are no object are refused: %s', (options) => {
  expect(refusal(options).option).toBe('options')
})

test('what the prototype of the options has is nobody’s wish', () => {
  expect(checkOptions(Object.create({ format: 'xml' }), checks).format).toBe(undefined)
})

describe('values', () => {
  test.each<[string, Check, unknown[], unknown[]]>([
    ['a function', aFunction, [() => {}], [{}, 'f', null]],
    ['a flag', aFlag, [true, false], [0, 'true', null]],
    ['a whole number', aWholeNumber, [0, 1, 5_000], [-1, 1.5, Number.NaN, Infinity, '1', 1n, null]],
    ['a limit', aLimit, [1, 5_000, Infinity], [0, -1, 1.5, Number.NaN, '1', 1n, null]],
  ])('%s', (_, [, isSo], good, bad) => {
    expect(good.filter((value) => !isSo(value))).toEqual([])
    expect(bad.filter(isSo)).toEqual([])
  })
})
