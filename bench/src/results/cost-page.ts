import type { CostResults } from '../cost/cost.ts'
import { type VariantName, variants } from '../cost/variants.ts'
import { ratios, type Spread, spread } from '../numbers.ts'
import type { Bar, Chart } from './bars.ts'
import { figure, table, withSpread } from './markdown.ts'

const CHARTED = 'a handler that awaits three times'
/** Below so many nanoseconds, a ratio says nothing. */
const NEXT_TO_NOTHING = 50

/** Time and memory of the limit alone, without a server. */
export function costPage(results: CostResults): string {
  const sections = ['## A request, without a server', about]
  for (const [runtime, byVariant] of Object.entries(results)) {
    sections.push(`### ${runtime}`)
    for (const base of ['bare', 'Hono, a no-op'] satisfies VariantName[]) {
      const names = Object.keys(byVariant).filter((name) => variants[name as VariantName]?.base === base)
      const titles = Object.keys(byVariant[base]![0]!)
      sections.push(
        table(
          ['microseconds', ...names],
          titles.map((title) => [title, ...names.map((name) => timeCell(byVariant, name, base, title))]),
        ),
      )
      if (byVariant[base]![0]![titles[0]!]?.bytes === undefined) continue
      sections.push(
        table(
          ['bytes', ...names],
          titles.map((title) => [title, ...names.map((name) => bytesCell(byVariant, name, title))]),
        ),
      )
    }
  }
  return sections.join('\n\n')
}

const about = `Processor time of a request: the median of the runs' averages, and how many times that of the first column in the
same run (smallest and largest of the runs in small print). A process for each variant and run. Garbage collection and the
compiler count, waiting does not. Bytes are all that was allocated on V8's heap, garbage or not; JavaScriptCore (Bun) does not
tell. Requests are as light as node-server's, with no connection behind. On Node.js, \`Response\` is node-server's.

Where there is no guard, its part is done by hand: errors are caught and answered with a 500, streams drained, text collected.
"One that times out" is compared with one \`setTimeout\` for each request. Where it says *never*, there was no timeout: on
Node.js 20 what \`AbortSignal.any()\` made of an \`AbortSignal.timeout()\` may be collected before it fires (nodejs/node 57867).
\`guard()\` around a Hono app sees the 500 that Hono makes of an error, and so has nothing to report.`

export function costCharts(results: CostResults): Record<string, Chart> {
  const groups = (of: 'ns' | 'bytes', divisor: number) =>
    Object.entries(results)
      .map(([name, byVariant]) => ({
        name,
        bars: Object.keys(byVariant).flatMap((variant): Bar[] => {
          const values = valuesOf(byVariant, variant, CHARTED, of)
          if (!values) return []
          const value = spread(values.map((each) => each / divisor))
          return [{ name: variant, value, isOurs: variants[variant as VariantName].isGuard }]
        }),
      }))
      .filter(({ bars }) => bars.length > 0)
  return {
    'cost.svg': {
      title: `What a limit costs ${CHARTED}`,
      subtitle: 'microseconds of processor time a request, without a server; less is better',
      groups: groups('ns', 1_000),
    },
    'heap.svg': {
      title: `What a limit allocates for ${CHARTED}`,
      subtitle: 'bytes of heap a request; less is better',
      groups: groups('bytes', 1),
    },
  }
}

type ByVariant = CostResults[string]

function valuesOf(
  byVariant: ByVariant,
  variant: string,
  title: string,
  of: 'ns' | 'bytes',
): number[] | undefined {
  const values = byVariant[variant]!.map((costs) => costs[title]?.[of])
  return values.every((value) => typeof value === 'number') ? values : undefined
}

function timeCell(byVariant: ByVariant, name: string, base: string, title: string): string {
  if (!(title in byVariant[name]![0]!)) return ''
  const values = valuesOf(byVariant, name, title, 'ns')
  if (!values) return '*never*'
  const micros: Spread = spread(values.map((value) => value / 1_000))
  const bare = valuesOf(byVariant, base, title, 'ns')!
  if (name === base) return withSpread(micros)
  if (spread(bare).median < NEXT_TO_NOTHING) return withSpread(micros)
  return `${figure(micros.median)} · ${withSpread(ratios(values, bare), '×')}`
}

function bytesCell(byVariant: ByVariant, name: string, title: string): string {
  const values = valuesOf(byVariant, name, title, 'bytes')
  return values ? figure(Math.round(spread(values).median)) : ''
}
