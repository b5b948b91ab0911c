import { writeFileSync } from 'node:fs'
import type { AttackResult, Storm } from '../torture/attack.ts'
import type { Against } from '../torture/peers/against.ts'
import { targets } from '../torture/targets.ts'
import { figure, table } from './markdown.ts'
import { type ResultsFile, read } from './results-file.ts'
import { torturePeersPage } from './torture-peers-page.ts'

/** Makes `torture.md`, and the page about peers beside it, of what was measured last. */
export function renderTorture(results: URL): void {
  const own = filesOf<AttackResult>(new URL('torture/', results), Object.keys(targets))
  const others = read<Against>(results, 'torture-peers')
  if (others) writeFileSync(new URL('torture-peers.md', results), torturePeersPage(others))
  if (own.length === 0) return
  const sections = [head(own), ownPage(own), ...(others ? [elsewhere] : [])]
  writeFileSync(new URL('torture.md', results), `${sections.join('\n\n')}\n`)
}

const about = `Who has left counts as \`client closed\`, also where it is a stream of HTTP/2 that is reset as soon as it is opened. Late writes
are those of abandoned handlers into Node's own response. \`/ok\` is asked for every 50 ms by somebody polite, from another process.`

const elsewhere = '**[What broke elsewhere](torture-peers.md)**, in what others have for a time limit.'

type Named<Results> = readonly [name: string, file: ResultsFile<Results>]

function filesOf<Results>(folder: URL, names: readonly string[]): Named<Results>[] {
  return names.flatMap((name) => {
    const file = read<Results>(folder, name)
    return file ? [[name, file] as const] : []
  })
}

function head(files: readonly Named<Storm>[]): string {
  const { machine } = files[0]![1].about
  const dates = files.map(([, { about }]) => about.date.slice(0, 10)).sort()
  const loads = files.flatMap(([, { about }]) => [about.machine.load, about.machine.loadAfter])
  return `# Clients that misbehave

Made by \`npm run torture\` from the JSON files in [torture](torture); what is done is in [its README](../README.md#torture).

- **Machine:** ${machine.cores} cores of ${machine.cpu}, ${machine.memoryGb} GB, ${machine.system}; load average from ${figure(Math.min(...loads))} to ${figure(Math.max(...loads))}
- **When:** ${[...new Set(dates)].join(', ')}`
}

function ownPage(files: readonly Named<AttackResult>[]): string {
  const rows = files.map(([name, { about, results }]) => {
    const { requests, connections, outcomes, polite, books, before, after, lateWrites } = results
    return [
      `**${name}**, ${Object.entries(about.runtimes)
        .map((runtime) => runtime.join(' '))
        .join()}`,
      amount(requests),
      amount(connections),
      ['completed', 'timed-out', 'client-closed', 'failed', 'rejected']
        .map((kind) => amount(outcomes[kind] ?? 0))
        .join(' / '),
      amount(lateWrites),
      amount(books.filter(({ holds }) => !holds).length),
      before && after ? `${mib(before.heapBytes)} / ${mib(after.heapBytes)}` : '',
      `${figure(polite.p50Ms)} / ${figure(polite.p99Ms)}`,
    ]
  })
  const [, { results }] = files[0]!
  return [
    '## Curfew',
    table(
      [
        '',
        'requests',
        'connections',
        'completed / timed out / client closed / failed / rejected',
        'late writes',
        'lines of the books that are wrong',
        'heap before / after, MiB',
        '`/ok` meanwhile, ms, p50 / p99',
      ],
      rows,
    ),
    `The books have ${results.books.length} lines: ${results.books.map(({ what }) => what).join('; ')}.`,
    about,
  ].join('\n\n')
}

function amount(value: number): string {
  return value.toLocaleString('en').replaceAll(',', ' ')
}

function mib(bytes: number): string {
  return figure(bytes / 2 ** 20)
}
