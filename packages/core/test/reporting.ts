import { expect } from 'vitest'
import { ManualClock } from '../src/manual-clock.ts'
import {
  type Hook,
  parseReport,
  type Report,
  type Reporter,
  type ReporterOptions,
  reporter,
} from '../src/report.ts'

/** A reporter on a clock that stands still, and what a hook of its own was fired with. */
export interface Reporting {
  readonly clock: ManualClock
  readonly reporter: Reporter
  readonly reports: Report[]
  readonly thrown: unknown[]
  /** Options of a guard on the same clock. */
  readonly options: { readonly clock: ManualClock; readonly reporter: Reporter }
  /** Lets a turn of the event loop pass, and all reports be made that are to be made. */
  made(): Promise<void>
}

/** @param options hooks come after the one that collects */
export function reporting({ hooks = [], ...options }: Partial<ReporterOptions> = {}): Reporting {
  const clock = new ManualClock()
  const reports: Report[] = []
  const thrown: unknown[] = []
  const collect: Hook = {
    name: 'collect',
    fire(report, context) {
      reports.push(report)
      thrown.push(context.thrown)
    },
  }
  const own = reporter({ clock, ...options, hooks: [collect, ...hooks] })
  return {
    clock,
    reporter: own,
    reports,
    thrown,
    options: { clock, reporter: own },
    async made() {
      do await clock.advance(0)
      while (own.stats.pending > 0)
    },
  }
}

/** That it is what a reader of JSON lines would find, and that nobody can change it. */
export function expectPlain(report: Report): void {
  const read: unknown = JSON.parse(JSON.stringify(report))
  expect(read).toStrictEqual(report)
  expect(parseReport(read)).toEqual(report)
  expectFrozen(report)
}

function expectFrozen(value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  expect(Object.isFrozen(value)).toBe(true)
  for (const item of Object.values(value)) expectFrozen(item)
}
