import { spread } from '../numbers.ts'
import type { HandlerName } from '../off/handlers.ts'
import type { OffCost, OffResults, OffRun } from '../off/off.ts'
import { type VariantName, variants } from '../off/variants.ts'
import { figure, table, withSpread } from './markdown.ts'

/** What each variant says of features that are off. */
const rows: Readonly<Record<VariantName, string>> = {
  'a guard': '**a guard**',
  'the same once more': 'the same once more: so much is chance',
  'everything said to be off': '… with every option said to be off',
  'everything imported': '… with reports, hooks, retries and the adapter kit imported',
  'currentScope() on, and off again': '… with handlers that had an async context before',
  'another guard has everything on': '… beside another guard that has everything on',
  'currentScope() on': 'what is noticed: … with `currentScope()` imported, which is on then',
  'made of the sources': '**a guard**, made of the sources',
  'nothing but the race': '… with nothing but the race',
  'one closure more': 'what is noticed: … with one closure for each request',
}

export function offPage(results: OffResults): string {
  const sections = ['## What is off', about]
  for (const [runtime, byHandler] of Object.entries(results)) {
    const handlers = Object.keys(byHandler) as HandlerName[]
    sections.push(
      `### ${runtime}, what is off`,
      table(
        ['', ...handlers],
        (Object.keys(rows) as VariantName[]).map((name) => [
          rows[name],
          ...handlers.map((handler) => cell(byHandler[handler]!, name)),
        ]),
      ),
    )
  }
  return sections.join('\n\n')
}

const about = `Processor time of a request that uses none of it, and bytes: how many times that of the guard above it, the median of
the runs (smallest and largest in small print), and how many bytes more. Each is a process; all of a run are there at the same
time and have their turns one after the other, 24 times. A turn counts as what nine of ten of its batches of 200 requests exceed,
a run as the median of its turns' ratios. Requests have headers that cost nothing to look at.

*Nothing but the race* is the core without what it looks at for each feature that may be on, cut out of its sources
([the list](../src/off/features.ts)): options, adapters, guards within guards, and what a handler may do with its scope.`

function cell(runs: readonly OffRun[], name: VariantName): string {
  const { base } = variants[name]
  const of = (which: keyof OffCost, variant = name) => runs.map((run) => run[variant][which] ?? Number.NaN)
  const bytes = spread(of('bytes')).median
  if (rows[name].startsWith('**')) {
    return [`${figure(spread(of('ns')).median)} ns`, ...(bytes ? [`${figure(bytes)} B`] : [])].join(' · ')
  }
  const more = Math.round(bytes - spread(of('bytes', base)).median)
  const ratio = withSpread(spread(of('ratio')), '×')
  return [ratio, ...(bytes ? [`${more < 0 ? '−' : '+'}${Math.abs(more)} B`] : [])].join(' · ')
}
