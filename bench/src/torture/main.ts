import { mkdirSync } from 'node:fs'
import { type Machine, machine } from '../machine.ts'
import { type About, write } from '../results/results-file.ts'
import { renderTorture } from '../results/torture-page.ts'
import { versions } from '../runtimes.ts'
import { type AttackOptions, type AttackResult, attack, type Storm } from './attack.ts'
import { against } from './peers/against.ts'
import { type Options, readOptions } from './read-options.ts'

const told = optionsOrExit()
const results = new URL('../../results/', import.meta.url)
const folder = new URL('torture/', results)
const { runtime, seed, from, to } = told

if (!told.render) {
  if (told.against === undefined) await onEach(told.targets, ours)
  else await onPeers(told.against)
}
if (told.render || told.save) renderTorture(results)

/** What is told wrongly is said in one line, without a stack. */
function optionsOrExit(): Options {
  try {
    return readOptions(process.argv.slice(2))
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    process.exit(2)
  }
}

/** The time is for all of them together. */
async function onEach(
  names: readonly string[],
  go: (options: AttackOptions) => Promise<Storm>,
): Promise<void> {
  for (const name of names) {
    const before = machine()
    const results = await go({
      target: name,
      runtime,
      seed,
      seconds: told.seconds / names.length,
      requests: told.requests,
      connections: told.connections,
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
    seconds: told.seconds,
    requests: told.requests,
    connections: told.connections,
    from,
    to,
  })
  if (told.save) write(results, 'torture-peers', { about: aboutSince(before), results: compared })
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
