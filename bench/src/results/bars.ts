import type { Spread } from '../numbers.ts'
import { figure } from './markdown.ts'

export interface Chart {
  readonly title: string
  /** What the figures are, and which way is good. */
  readonly subtitle: string
  readonly groups: readonly { readonly name: string; readonly bars: readonly Bar[] }[]
  /** A value with a line through all groups: what the others are compared with. */
  readonly line?: number
}

export interface Bar {
  readonly name: string
  readonly value: Spread
  /** Whether it is ours. */
  readonly isOurs: boolean
}

const WIDTH = 760
const LEFT = 230
const RIGHT = 90
const ROW = 20
const GROUP = 30
const TOP = 56

/** Horizontal bars, each with the range of its runs, for light pages and dark ones. */
export function barChart({ title, subtitle, groups, line }: Chart): string {
  const values = groups.flatMap(({ bars }) => bars.map(({ value }) => value.max))
  const scale = (WIDTH - LEFT - RIGHT) / Math.max(...values, line ?? 0)
  const x = (value: number) => (LEFT + value * scale).toFixed(1)
  const parts: string[] = []
  let y = TOP
  for (const { name, bars } of groups) {
    parts.push(`<text class="group" x="12" y="${y + 18}">${escaped(name)}</text>`)
    y += GROUP
    for (const { name: label, value, isOurs } of bars) {
      const middle = y + ROW / 2
      parts.push(
        `<text class="label" x="${LEFT - 10}" y="${middle + 4}">${escaped(label)}</text>`,
        `<rect class="${isOurs ? 'ours' : 'other'}" x="${LEFT}" y="${y + 3}" width="${(value.median * scale).toFixed(1)}" height="${ROW - 6}" rx="2"/>`,
        `<text class="value" x="${Number(x(value.max)) + 8}" y="${middle + 4}">${figure(value.median)}</text>`,
      )
      if (value.runs > 1) {
        parts.push(
          `<path class="range" d="M${x(value.min)} ${middle}H${x(value.max)}M${x(value.min)} ${middle - 4}v8M${x(value.max)} ${middle - 4}v8"/>`,
        )
      }
      y += ROW
    }
  }
  const height = y + 16
  if (line !== undefined) {
    parts.push(`<path class="line" d="M${x(line)} ${TOP}V${height - 10}"/>`)
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${escaped(title)}">
<style>
text { font: 12px system-ui, sans-serif; fill: #1f2328 }
.title { font-size: 16px; font-weight: 600 } .group { font-weight: 600 } .label { text-anchor: end }
.subtitle { fill: #59636e } .ours { fill: #1a7f64 } .other { fill: #a8b3bd } .range { stroke: #1f2328; fill: none }
.line { stroke: #59636e; stroke-dasharray: 3 3 } .page { fill: #fff }
@media (prefers-color-scheme: dark) {
text { fill: #f0f6fc } .subtitle { fill: #9198a1 } .ours { fill: #2fbf95 } .other { fill: #5b6671 }
.range { stroke: #f0f6fc } .line { stroke: #9198a1 } .page { fill: #0d1117 }
}
</style>
<rect class="page" width="100%" height="100%"/>
<text class="title" x="12" y="24">${escaped(title)}</text>
<text class="subtitle" x="12" y="44">${escaped(subtitle)}</text>
${parts.join('\n')}
</svg>
`
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}
