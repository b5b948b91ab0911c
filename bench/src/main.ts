import { mkdirSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { context } from './context/context.ts'
import { cost } from './cost/cost.ts'
import { load } from './load/load.ts'
import { machine } from './machine.ts'
import { off } from './off/off.ts'
import { full, type Plan, quick } from './plan.ts'
import { reports } from './reports/reports.ts'
import { render } from './results/render.ts'
import { write } from './results/results-file.ts'
import { findRuntimes, versions } from './runtimes.ts'
import { scale } from './scale/scale.ts'
import { wire } from './wire/wire.ts'

const parts: Record<string, (plan: Plan) => Promise<unknown>> = {
  cost,
  off,
  wire,
  load,
  scale,
  reports,
  context,
}

const { values: told } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    runtimes: { type: 'string' },
    render: { type: 'boolean', default: false },
  },
})
// What was measured in a hurry is no result.
const folder = new URL(told.quick ? '../results/quick/' : '../results/', import.meta.url)

if (!told.render) await measure()
render(folder)
console.log(`See ${folder.pathname}README.md`)

async function measure(): Promise<void> {
  mkdirSync(folder, { recursive: true })
  const runtimes = findRuntimes().filter(({ name }) => told.runtimes?.split(',').includes(name) ?? true)
  const started = performance.now()
  const plan: Plan = {
    ...(told.quick ? quick : full),
    runtimes,
    serving: told.quick ? runtimes.filter(({ command }) => command === process.execPath) : runtimes,
    say: (what) => {
      const seconds = Math.round((performance.now() - started) / 1_000)
      console.log(`${String(seconds).padStart(4)} s  ${what}`)
    },
  }
  for (const part of told.only?.split(',') ?? Object.keys(parts)) {
    const measurePart = parts[part]
    if (!measurePart) throw new Error(`No such part: ${part}`)
    const before = machine()
    const results = await measurePart(plan)
    write(folder, part, {
      about: {
        date: new Date().toISOString(),
        machine: { ...before, loadAfter: machine().load },
        runtimes: Object.fromEntries(runtimes.map(({ name, version }) => [name, version])),
        versions: versions(),
      },
      results,
    })
  }
}
