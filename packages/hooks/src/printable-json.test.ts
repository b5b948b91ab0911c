import { parseReport } from '@curfew/core/report'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ACTING } from '../test/acting.ts'
import { all, failed } from '../test/reports.ts'
import { printableJson } from './printable-json.ts'

test.each(all.map((report) => [report.id, report] as const))(
  'report %s is one line, and reads back',
  (_, report) => {
    const line = printableJson(report)
    expect(line).not.toMatch(ACTING)
    expect(parseReport(JSON.parse(line))).toEqual(report)
  },
)

test('any text in it, and any name, is on that line and reads back', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (name, value) => {
      const fields = Object.fromEntries([[name, value]])
      const report = { ...failed, error: { name, message: value, fields } }
      const line = printableJson(report)
      expect(line).not.toMatch(ACTING)
      expect(JSON.parse(line)).toEqual(report)
    }),
  )
})

test('a character of two units is escaped as two', () => {
  const line = printableJson({ ...failed, time: '\u{e0041}' })
  expect(line).toContain('"time":"\\udb40\\udc41"')
})

test.each([undefined, 2])('indented or not, it is the same value, and nothing in it acts: %s', (indent) => {
  const value = { '\u202e': '\u001b[0m\u009b\u2028\ud800\u{e0041}\n', list: [1, null] }
  const json = printableJson(value, indent)
  expect(JSON.parse(json)).toEqual(value)
  expect(json.split('\n')).toHaveLength(indent ? 7 : 1)
  expect(json.replaceAll('\n', '')).not.toMatch(ACTING)
})

test('joiners stay', () => {
  expect(printableJson('👩\u200d👧')).toBe('"👩\u200d👧"')
})

test('what JSON has no text for has one', () => {
  expect(printableJson(undefined)).toBe('undefined')
})
