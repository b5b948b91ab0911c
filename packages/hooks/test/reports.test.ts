import { parseReport } from '@curfew/core/report'
import { expect, test } from 'vitest'
import { all } from './reports.ts'

test.each(all.map((report) => [report.kind, report.id, report] as const))(
  'the sample %s %s is a report',
  (_, __, report) => {
    expect(parseReport(JSON.parse(JSON.stringify(report)))).toEqual(report)
  },
)
