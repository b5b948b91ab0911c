import { existsSync, writeFileSync } from 'node:fs'
import type { AttackResult, Storm } from '../torture/attack.ts'
import type { PeerResult } from '../torture/attack-peer.ts'
import { peers, targets } from '../torture/targets.ts'
import { figure, table } from './markdown.ts'
import { type ResultsFile, read } from './results-file.ts'

/** Makes `torture.md`, beside the folder of what was measured last. */
export function renderTorture(folder: URL): void {
  if (!existsSync(folder)) throw new Error('Nothing has been measured')
  const own = filesOf<AttackResult>(folder, Object.keys(targets))
  const others = filesOf<PeerResult>(folder, Object.keys(peers))
  const sections = [
    head([...own, ...others]),
    ...(own.length > 0 ? [ownPage(own)] : []),
    ...(others.length > 0 ? [peersPage(others)] : []),
  ]
  writeFileSync(new URL('../torture.md', folder), `${sections.join('\n\n')}\n`)
}

const about = `Who has left counts as \`client closed\`, also where it is a stream of HTTP/2 that is reset as soon as it is opened. Late writes
are those of abandoned handlers into Node's own response. \`/ok\` is asked for every 50 ms by somebody polite, from another process.`

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

function peersPage(files: readonly Named<PeerResult>[]): string {
  const kinds = [...new Set(files.flatMap(([, { results }]) => Object.keys(results.wrong)))].sort()
  const rows: [string, (result: PeerResult) => number][] = [
    ['requests', ({ requests }) => requests],
    ['the process ended', ({ crashes }) => crashes],
    ['connections refused meanwhile', ({ refused }) => refused],
    ['polite requests that were not answered', ({ polite }) => polite.asked - polite.answered],
    ...kinds.map((kind): [string, (result: PeerResult) => number] => [kind, ({ wrong }) => wrong[kind] ?? 0]),
  ]
  return [
    '## What broke elsewhere',
    'The same plan, with a limit of the same length. A process that ends is started again.',
    table(
      ['', ...files.map(([name]) => name)],
      rows.map(([what, count]) => [what, ...files.map(([, { results }]) => amount(count(results)))]),
    ),
  ].join('\n\n')
}

function amount(value: number): string {
  return value.toLocaleString('en').replaceAll(',', ' ')
}

function mib(bytes: number): string {
  return figure(bytes / 2 ** 20)
}
