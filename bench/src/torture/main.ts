import { mkdirSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { machine } from '../machine.ts'
import { write } from '../results/results-file.ts'
import { findRuntime, versions } from '../runtimes.ts'
import { type AttackResult, attack } from './attack.ts'
import { targets } from './targets.ts'

const { values: told } = parseArgs({
  options: {
    runtime: { type: 'string', default: 'node' },
    target: { type: 'string' },
    seconds: { type: 'string', default: '60' },
    requests: { type: 'string', default: '1000000' },
    connections: { type: 'string', default: '500' },
    seed: { type: 'string' },
    visits: { type: 'string' },
    save: { type: 'boolean', default: false },
  },
})

const runtime = findRuntime(told.runtime)
const wanted = told.target?.split(',') ?? namesOf(told.runtime)
const seed = told.seed === undefined ? Math.floor(Math.random() * 1e9) : Number(told.seed)
const [from = 0, to = null] = told.visits?.split('-').map(Number) ?? []

for (const name of wanted) {
  if (!Object.hasOwn(targets, name)) throw new Error(`No such target: ${name}`)
  const before = machine()
  const result = await attack({
    target: name,
    runtime,
    seed,
    seconds: Number(told.seconds) / wanted.length,
    requests: Number(told.requests),
    connections: Number(told.connections),
    from,
    to,
  })
  print(name, result)
  if (result.books.some(({ holds }) => !holds)) process.exitCode = 1
  if (told.save) save(name, result, before)
}

function namesOf(of: string): string[] {
  const family = of.replace(/\d+$/, '')
  return Object.entries(targets).flatMap(([name, target]) => (target.runtime === family ? [name] : []))
}

function print(name: string, { seed, requests, connections, seconds, polite, books }: AttackResult): void {
  console.log(
    `\n${name} on ${runtime.name} ${runtime.version}, seed ${seed}: ${requests} requests on ${connections} connections in ${seconds.toFixed(1)} s; /ok in ${polite.p50Ms.toFixed(1)} ms, p99 ${polite.p99Ms.toFixed(1)} ms, at most ${polite.maxMs.toFixed(0)} ms`,
  )
  for (const { what, says, holds, examples = [] } of books) {
    console.log(`  ${holds ? 'ok ' : 'NOT'}  ${what}: ${says}`)
    if (!holds) for (const example of examples.slice(0, 5)) console.log(`         ${example}`)
  }
}

function save(name: string, results: AttackResult, before: ReturnType<typeof machine>): void {
  const folder = new URL('../../results/torture/', import.meta.url)
  mkdirSync(folder, { recursive: true })
  write(folder, name, {
    about: {
      date: new Date().toISOString(),
      machine: { ...before, loadAfter: machine().load },
      runtimes: { [runtime.name]: runtime.version },
      versions: versions(),
    },
    results,
  })
}
