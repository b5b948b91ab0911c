import { writeFileSync } from 'node:fs'
import type { ContextResults } from '../context/context.ts'
import type { CostResults } from '../cost/cost.ts'
import type { LoadResults } from '../load/load.ts'
import type { OffResults } from '../off/off.ts'
import type { ReportResults } from '../reports/reports.ts'
import type { ScaleResults } from '../scale/scale.ts'
import type { WireResults } from '../wire/wire.ts'
import { barChart, type Chart } from './bars.ts'
import { costCharts, costPage } from './cost-page.ts'
import { loadPage } from './load-page.ts'
import { figure } from './markdown.ts'
import { offPage } from './off-page.ts'
import { type About, type ResultsFile, read } from './results-file.ts'
import { scaleChart, scalePage } from './scale-page.ts'
import { contextPage, reportsPage } from './small-pages.ts'
import { wireCharts, wirePage } from './wire-page.ts'

/** Makes the page and the plots of what was measured last. */
export function render(folder: URL): void {
  const sections: string[] = []
  const abouts: Record<string, About> = {}
  const charts: Record<string, Chart> = {}

  function section<Results>(
    part: string,
    page: (results: Results) => string,
    chartsOf: (results: Results) => Record<string, Chart> = () => ({}),
  ): void {
    const file: ResultsFile<Results> | undefined = read<Results>(folder, part)
    if (!file) return
    abouts[part] = file.about
    const own = chartsOf(file.results)
    Object.assign(charts, own)
    const [title, ...rest] = page(file.results).split('\n\n')
    const images = Object.entries(own).map(([name, chart]) => `![${chart.title}](${name})`)
    sections.push([title, ...images, ...rest].join('\n\n'))
  }

  section<WireResults>('wire', wirePage, wireCharts)
  section<CostResults>('cost', costPage, costCharts)
  section<OffResults>('off', offPage)
  section<ScaleResults>('scale', scalePage, (results) => ({ 'scale.svg': scaleChart(results) }))
  section<LoadResults>('load', loadPage)
  section<ReportResults>('reports', reportsPage)
  section<ContextResults>('context', contextPage)

  for (const [name, chart] of Object.entries(charts)) {
    writeFileSync(new URL(name, folder), barChart(chart))
  }
  writeFileSync(new URL('README.md', folder), `${[head(abouts), ...sections].join('\n\n')}\n`)
}

function head(abouts: Record<string, About>): string {
  const about = Object.values(abouts)[0]
  if (!about) throw new Error('Nothing has been measured')
  const { machine, runtimes, versions } = about
  const list = (of: Readonly<Record<string, string>>) =>
    Object.entries(of)
      .map(([name, version]) => `${name} ${version}`)
      .join(', ')
  const times = Object.entries(abouts).map(
    ([
      part,
      {
        date,
        machine: { load, loadAfter },
      },
    ]) =>
      `${part} ${date.slice(0, 16).replace('T', ' ')} (load average ${figure(load)} before, ${figure(loadAfter)} after)`,
  )
  return `# Results

Made by \`npm run bench\` from the figures of each run in the JSON files beside it; [what is measured](../README.md). Read
ratios, and only of one run.

- **Machine:** ${machine.cores} cores of ${machine.cpu}, ${machine.memoryGb} GB, ${machine.system}
- **Runtimes:** ${Object.values(runtimes).length > 0 ? list(runtimes) : ''}
- **Compared:** ${list(versions)}
- **When:** ${times.join('; ')}`
}
