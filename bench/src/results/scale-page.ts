import { spread } from '../numbers.ts'
import type { Scale } from '../scale/measure.ts'
import type { ScaleResults } from '../scale/scale.ts'
import type { Chart } from './bars.ts'
import { figure, table, withSpread } from './markdown.ts'

/** Many requests that are pending at once. */
export function scalePage(results: ScaleResults): string {
  const sections = ['## Pending requests', about]
  for (const [runtime, byVariant] of Object.entries(results)) {
    const rows = Object.entries(byVariant).flatMap(([variant, byCount]) =>
      Object.entries(byCount).map(([count, runs]) => {
        const of = (value: (run: Scale) => number) => withSpread(spread(runs.map(value)))
        const isGuard = variant.startsWith('guard')
        return [
          `${isGuard ? `**${variant}**` : variant}, ${figure(Number(count))}`,
          String(runs.length),
          of(({ bytes }) => bytes),
          of(({ armNs }) => armNs / 1_000),
          of(({ disarmNs }) => disarmNs / 1_000),
          ...expiryCells(runs),
        ]
      }),
    )
    sections.push(
      `### ${runtime}, pending`,
      table(
        [
          '',
          'runs',
          'bytes each',
          'to arm, µs each',
          'to settle, µs each',
          'all expire: late ms, p50 / p99',
          'longest stall, ms',
        ],
        rows,
      ),
    )
  }
  return sections.join('\n\n')
}

const about = `So many handlers that have not settled, in one process: what each holds of the heap after a collection (its
request and promise included; *bare* is that alone), what it takes to start one and to settle one, each divided by their
number, so that what grows with it shows. Then all are due at the same moment, with the loop blocked until then: how much
later they have their 503, and the longest that nothing else could run meanwhile. Each figure is of a fresh process; median,
and smallest and largest of the runs. What has no line takes minutes, or gigabytes, or nothing new.`

function expiryCells(runs: readonly Scale[]): [string, string] {
  const expiries = runs.flatMap(({ expiry }) => expiry ?? [])
  if (expiries.length < runs.length) return ['', '']
  const p50 = spread(expiries.map((expiry) => expiry.p50))
  const p99 = spread(expiries.map((expiry) => expiry.p99))
  return [
    `${figure(p50.median)} / ${withSpread(p99)}`,
    withSpread(spread(expiries.map(({ stall }) => stall))),
  ]
}

/** Whether a request costs more the more there are. */
export function scaleChart(results: ScaleResults): Chart {
  return {
    title: 'What a guarded request costs while so many others are pending',
    subtitle: 'microseconds to start and to settle one; flat is good',
    groups: Object.entries(results).map(([name, { 'guard()': byCount = {} }]) => ({
      name,
      bars: Object.entries(byCount).map(([count, runs]) => ({
        name: `${figure(Number(count))} pending`,
        value: spread(runs.map(({ armNs, disarmNs }) => (armNs + disarmNs) / 1_000)),
        isOurs: true,
      })),
    })),
  }
}
