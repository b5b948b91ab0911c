import { parseReport } from '@curfew/core/report'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { all, failed } from '../test/reports.ts'
import { jsonLine } from './json-line.ts'

test.each(all.map((report) => [report.id, report] as const))(
  'report %s is one line, and reads back',
  (_, report) => {
    const line = jsonLine(report)
    expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u)
    expect(parseReport(JSON.parse(line))).toEqual(report)
  },
)

test('any text in it, and any name, is on that line and reads back', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (name, value) => {
      const fields = Object.fromEntries([[name, value]])
      const report = { ...failed, error: { name, message: value, fields } }
      const line = jsonLine(report)
      expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u)
      expect(JSON.parse(line)).toEqual(report)
    }),
  )
})

test('a character of two units is escaped as two', () => {
  const line = jsonLine({ ...failed, time: '\u{e0041}' })
  expect(line).toContain('"time":"\\udb40\\udc41"')
})
