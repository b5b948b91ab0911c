import { mkdirSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { type Machine, machine } from '../machine.ts'
import { type About, write } from '../results/results-file.ts'
import { renderTorture } from '../results/torture-page.ts'
import { findRuntime, versions } from '../runtimes.ts'
import { type AttackOptions, type AttackResult, attack, type Storm } from './attack.ts'
import { against } from './peers/against.ts'
import { type Target, targets } from './targets.ts'

const { values: told } = parseArgs({
  options: {
    runtime: { type: 'string', default: 'node' },
    target: { type: 'string' },
    against: { type: 'string' },
    seconds: { type: 'string', default: '60' },
    requests: { type: 'string', default: '1000000' },
    connections: { type: 'string', default: '500' },
    seed: { type: 'string' },
    visits: { type: 'string' },
    books: { type: 'boolean', default: false },
    save: { type: 'boolean', default: false },
    render: { type: 'boolean', default: false },
  },
})

const results = new URL('../../results/', import.meta.url)
const folder = new URL('torture/', results)
const runtime = findRuntime(told.runtime)
const seed = told.seed === undefined ? Math.floor(Math.random() * 1e9) : Number(told.seed)
const [from = 0, to = null] = told.visits?.split('-').map(Number) ?? []

if (!told.render) {
  if (told.against === undefined) await onEach(targets, told.target, ours)
  else await onPeers(told.against.split(','))
}
if (told.render || told.save) renderTorture(results)

/** The time is for all of them together. */
async function onEach(
  all: Readonly<Record<string, Target>>,
  names: string | undefined,
  go: (options: AttackOptions) => Promise<Storm>,
): Promise<void> {
  const wanted = names === undefined || names === 'all' ? namesOf(all) : names.split(',')
  for (const name of wanted) {
    if (!Object.hasOwn(all, name)) throw new Error(`No such target: ${name}`)
    const before = machine()
    const results = await go({
      target: name,
      runtime,
      seed,
      seconds: Number(told.seconds) / wanted.length,
      requests: Number(told.requests),
      connections: Number(told.connections),
      from,
      to,
      booksOnly: told.books,
    })
    if (told.save) save(name, results, before)
  }
}

/** The time is for each of them. */
async function onPeers(names: readonly string[]): Promise<void> {
  const before = machine()
  const compared = await against(names, {
    runtime,
    seed,
    seconds: Number(told.seconds),
    requests: Number(told.requests),
    connections: Number(told.connections),
    from,
    to,
  })
  if (told.save) write(results, 'torture-peers', { about: aboutSince(before), results: compared })
}

function namesOf(all: Readonly<Record<string, Target>>): string[] {
  const family = told.runtime.replace(/\d+$/, '')
  return Object.entries(all).flatMap(([name, target]) => (target.runtime === family ? [name] : []))
}

async function ours(options: AttackOptions): Promise<AttackResult> {
  const result = await attack(options)
  introduce(options.target, result)
  for (const { what, says, holds, examples = [] } of result.books) {
    console.log(`  ${holds ? 'ok ' : 'NOT'}  ${what}: ${says}`)
    if (!holds) for (const example of examples.slice(0, 5)) console.log(`         ${example}`)
  }
  if (result.books.some(({ holds }) => !holds)) process.exitCode = 1
  return result
}

function introduce(name: string, { seed, requests, connections, seconds, polite }: Storm): void {
  const ms = (value: number): string => value.toFixed(1)
  console.log(
    `\n${name} on ${runtime.name} ${runtime.version}, seed ${seed}: ${requests} requests on ${connections} connections in ` +
      `${seconds.toFixed(1)} s; /ok in ${ms(polite.p50Ms)} ms, p99 ${ms(polite.p99Ms)} ms, at most ${ms(polite.maxMs)} ms`,
  )
}

function save(name: string, results: Storm, before: Machine): void {
  mkdirSync(folder, { recursive: true })
  write(folder, name, {
    about: aboutSince(before),
    results,
  })
}

function aboutSince(before: Machine): About {
  return {
    date: new Date().toISOString(),
    machine: { ...before, loadAfter: machine().load },
    runtimes: { [runtime.name]: runtime.version },
    versions: versions(),
  }
}
