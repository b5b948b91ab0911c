import { parseReport, type Report } from '@curfew/core/report'
import { expect, test } from 'vitest'
import { all, failed, timedOut } from '../test/reports.ts'
import { shorterReports } from './shorter-reports.ts'

test('the longest part goes first', () => {
  const value = 'x'.repeat(1_000)
  const report: Report = { ...failed, error: { ...failed.error!, value } }
  const [first] = shorterReports(report)
  expect(first).toEqual({ ...failed, omitted: ['error.value'] })
})

test('what is left out is added to what was', () => {
  const omitted = [...shorterReports({ ...timedOut, omitted: ['request.body'] })].map(
    (report) => report.omitted,
  )
  expect(omitted.at(-1)).toEqual(['request.body', 'response', 'written', 'error.fields', 'request.headers'])
})

test.each(all)('$kind $id gets shorter each time, stays a report, and is itself not touched', (report) => {
  const before = JSON.stringify(report)
  const shorter = [...shorterReports(report)]
  const lengths = [report, ...shorter].map((each) => JSON.stringify({ ...each, omitted: [] }).length)
  expect(lengths).toEqual([...new Set(lengths)].sort((a, b) => b - a))
  for (const each of shorter) expect(parseReport(each)).toEqual(each)
  expect(JSON.stringify(report)).toBe(before)
})
