import { LIMIT_MS } from '../torture/attack.ts'
import type { HandlerName } from '../torture/handlers.ts'
import type { Against } from '../torture/peers/against.ts'
import { pairs } from '../torture/peers/contenders.ts'
import { type Kind, kinds, promised } from '../torture/peers/kinds.ts'
import { peerVisit } from '../torture/peers/peer-plan.ts'
import type { Torment } from '../torture/peers/torment.ts'
import { figure, table } from './markdown.ts'
import type { ResultsFile } from './results-file.ts'

interface Row {
  readonly what: string
  /** How often it does not hold; nothing where that cannot be told. */
  wrong(torment: Torment): number | undefined
  says(wrong: number, of: Torment): string
}

interface Column {
  readonly title: string
  readonly plain: readonly Torment[]
  readonly strays: readonly Torment[]
}

const rows: readonly Row[] = [
  {
    what: 'The process lives',
    wrong: ({ deaths }) => deaths.count,
    says: (wrong, { seconds }) => `died ${times(wrong)} in ${Math.round(seconds)} s`,
  },
  ...promised.map(ofKind),
  {
    what: 'Handlers that listen for the end of their time are told of it',
    wrong: ({ untold, deaths }) => untold || unlessDead(deaths),
    says: (wrong) => `${figureOf(wrong)} were not, and still ran`,
  },
  {
    what: "The app's error handler is told of a request once",
    wrong: ({ toldAgain, deaths }) => toldAgain || unlessDead(deaths),
    says: (wrong) => `of ${figureOf(wrong)} again, after their timeout`,
  },
  {
    what: 'Somebody polite, who asks every 50 ms, is answered all the time',
    wrong: ({ polite }) => polite.asked - polite.answered,
    says: (wrong, { polite }) => `not ${times(wrong)} of ${figureOf(polite.asked)}`,
  },
]

/** What no peer promises. */
const more: readonly Row[] = [
  ofKind('stopped'),
  ofKind('behind'),
  {
    what: 'A response that waits in a pipeline is closed when its client has left',
    wrong: ({ openBodies, deaths }) => openBodies?.count || unlessDead(deaths),
    says: (wrong) => `${figureOf(wrong)} were not`,
  },
]

const strays: Row = {
  what: 'The process lives although errors are thrown where nobody can catch them',
  wrong: ({ deaths }) => deaths.count,
  says: (wrong, { seconds }) => `died ${times(wrong)} in ${Math.round(seconds)} s`,
}

/** What became of everybody under the same plan, and how to see it again. */
export function torturePeersPage({ about, results }: ResultsFile<Against>): string {
  const { seed, connections, limitMs } = results
  const compared = Object.entries(results.pairs)
  const columns: Column[] = [
    {
      title: `Curfew, in each of the ${compared.length} apps`,
      plain: compared.map(([, { curfew }]) => curfew),
      strays: compared.map(([, { strays }]) => strays.curfew),
    },
    ...compared.map(([name, { peer, strays }]) => ({
      title: titleOf(name, about.versions),
      plain: [peer],
      strays: [strays.peer],
    })),
  ]
  const head = ['', ...columns.map(({ title }) => title)]
  const kept = rows.map((row) => [row.what, ...columns.map(({ plain }) => cell(row, plain))])
  const notPromised = [
    ...more.map((row) => [row.what, ...columns.map(({ plain }) => cell(row, plain))]),
    [strays.what, ...columns.map((column) => cell(strays, column.strays))],
  ]
  const amounts = [
    ['requests', ...columns.map(({ plain }) => figureOf(sum(plain.map(({ requests }) => requests))))],
    ['MiB of heap at the end, over those before', ...columns.map(({ plain }) => heapOf(plain))],
  ]
  const { machine, runtimes, date } = about
  const on = Object.entries(runtimes).map(([name, version]) => `${name} ${version}`)
  return `# The torture, and what others have

Made by \`npm run torture -- --against all --seconds ${results.seconds} --connections ${connections} --seed ${seed} --save\`:
${date.slice(0, 10)}, ${on.join(', ')}, ${machine.cores} cores of ${machine.cpu}, load average ${figure(machine.load)} before and ${figure(machine.loadAfter)} after. The
same clients do the same to each: they leave at every stage, write and read slowly, break the protocol and pipeline, while
handlers succeed, stream, throw, are late or never settle. The limit is ${limitMs} ms.

${table(head, kept)}

What none of the others promises:

${table(head, notPromised)}

How much it was:

${table(head, amounts)}

## So that it is fair

- Each peer has an app of its own, with the same handlers as Curfew's in the same framework, set up as its documentation
  has it. All are told to answer a timeout with the same 503; that of Hono is 504 by default.
- The plan is the one of \`npm run torture\`, without errors that nobody can catch, in timers and in promises that are let go: any
  Node.js process ends of those, whatever limit it has; Curfew's \`contain()\` is there for them. They have a run of their own, a
  quarter as long, and one row above. Of the deadlines that clients send, which only Curfew reads, nothing is expected elsewhere.
- A process that has died is started again at once, on the same port. A request counts as lost with it only if its connection was
  there meanwhile; clients who find nobody come again, and count once.
- connect-timeout has no signal: its handlers get one that is aborted by its \`timeout\` event, and by the end of the response.
  It is asked twice, for what becomes of a late answer depends on whether Express waits for the handler (a promise) or not (a callback).
- Fastify is asked twice as well, for it stops its timer as soon as a body has been read: where the handler reads it (or nobody
  does), and where Fastify does before, as with JSON.
- Hono's \`timeout\` does not hold for what a handler streams, and says so; nor does connect-timeout's once headers are sent.
- What becomes of a response when the one behind it fails is Express's own doing, which closes the connection. That a response that
  waits in a pipeline is never told that its client has left is Node's. Both are so without any limit, and in the second table.
- Of the deaths of connect-timeout with callbacks in that run, some are late answers as well.
- A row is n/a where a process has died so often that it cannot be told.
- Nothing here says who is faster: Curfew's apps write a log and a report of what failed, the others nothing.

## What broke, and how to see it

What is behind it was also reproduced without any of this, in a few lines with the packages alone.

${compared.map(([name, { peer }]) => examplesOf(name, peer, seed)).join('\n\n')}
`
}

function ofKind(kind: Kind): Row {
  return {
    what: kinds[kind],
    wrong: ({ wrongs, deaths }) => wrongs[kind].count || (kind === 'stopped' ? unlessDead(deaths) : 0),
    says: (wrong, { requests }) => `${figureOf(wrong)} of ${figureOf(requests)}`,
  }
}

/** What takes its time cannot be told of a process that has died again and again. */
function unlessDead({ count }: Torment['deaths']): 0 | undefined {
  return count === 0 ? 0 : undefined
}

function cell({ wrong, says }: Row, torments: readonly Torment[]): string {
  const [first, ...others] = torments.map((torment) => ({ torment, count: wrong(torment) }))
  const worst = others.reduce((most, each) => ((each.count ?? 0) > (most.count ?? 0) ? each : most), first!)
  if (worst.count === undefined) return 'n/a'
  return worst.count === 0 ? 'yes' : `**no**: ${says(worst.count, worst.torment)}`
}

function heapOf(torments: readonly Torment[]): string {
  const grown = torments.flatMap(({ rest }) => (rest ? rest.after.heapBytes - rest.before.heapBytes : []))
  return grown.length < torments.length ? 'n/a' : figure(Math.max(...grown) / 2 ** 20)
}

function examplesOf(name: string, torment: Torment, seed: number): string {
  const { deaths, wrongs, untold, toldAgain } = torment
  const examples = [deaths, ...Object.values(wrongs)].flatMap(({ examples }) => examples.slice(0, 2))
  const list = [
    ...examples.map((example) =>
      example.replace(/request s(\d+)\.(\d+)/, (_, visit, i) => whichOf(+visit, +i)),
    ),
    ...(untold > 0 ? [`${firstOf(seed, 'obedient')}: still runs when its client has had its timeout`] : []),
    ...(toldAgain > 0 ? [`${firstOf(seed, 'late-throw')}: the error handler is called twice`] : []),
  ]
  const how = `\`npm run torture -- --against ${name} --seed ${seed} --visits N-N\``
  const lines = list.length === 0 ? ['Nothing of the first table did.'] : list.map((each) => `- ${each}`)
  return `**${pairs[name]!.title}** (${how})\n\n${lines.join('\n')}`
}

/** A request of that handler whose client is polite. */
function firstOf(seed: number, handler: HandlerName): string {
  for (let number = 0; ; number++) {
    const { exchanges, pipelined } = peerVisit({ seed, limitMs: LIMIT_MS, strays: false }, number)
    const i = exchanges.findIndex((each) => each.handler === handler && each.manner.kind === 'polite')
    if (i >= 0 && !pipelined) return `${whichOf(number, i)} (${handler})`
  }
}

function whichOf(visit: number, i: number): string {
  return `visit ${visit}, request ${i + 1}`
}

function titleOf(name: string, versions: Readonly<Record<string, string>>): string {
  const { title, packages } = pairs[name]!
  return `${title}<br><sub>${packages.map((each) => `${each} ${versions[each]}`).join(', ')}</sub>`
}

function times(count: number): string {
  return count === 1 ? 'once' : `${figureOf(count)} times`
}

function figureOf(count: number): string {
  return count.toLocaleString('en').replaceAll(',', ' ')
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0)
}
