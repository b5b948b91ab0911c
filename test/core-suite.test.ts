import { readdirSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { exceptions } from './core-suite/exceptions.ts'
import type { TestResult } from './core-suite/parse-junit.ts'
import { runSuite, runtimes } from './core-suite/run-suite.ts'
import { root } from './support/run.ts'

// Two cores at most: Bun takes as long as the other two, for it mostly waits.
const edge = runSuite('an edge VM')
const suites = { 'an edge VM': edge, Deno: edge.then(() => runSuite('Deno')), Bun: runSuite('Bun') }
for (const suite of Object.values(suites)) suite.catch(() => {})

const files = readdirSync(`${root}/packages/core`, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.test.ts') && !path.startsWith('node_modules'))
  .map((path) => `packages/core/${path}`)
  .sort()

test('there is a suite for each runtime, and a table of what it does not pass', () => {
  expect(Object.keys(suites).sort()).toEqual(Object.keys(runtimes).sort())
  expect(Object.keys(exceptions).sort()).toEqual(Object.keys(runtimes).sort())
})

describe.each(Object.entries(suites))(
  'the suite of the core in %s',
  { timeout: 600_000 },
  (runtime, suite) => {
    const known = exceptions[runtime]!

    test('runs all of its files, and each test of them that Node.js runs in another', async () => {
      const counts = countByFile((await suite).results)
      expect(Object.keys(counts).sort()).toEqual(files)
      expect(counts).toEqual(countByFile((await edge).results))
    })

    test('passes all but what it is known not to pass, and skips nothing', async () => {
      const { results, stray, output } = await suite
      const wrong = results.filter(
        ({ name, result }) => result !== 'passed' && !known.some(({ tests }) => tests.test(name)),
      )
      expect(wrong.map(inWords)).toEqual([])
      expect(stray, output.slice(-4_000)).toEqual([])
    })

    test('does not pass what it is known not to pass', async () => {
      const { results } = await suite
      for (const { tests } of known) {
        const named = results.filter(({ name }) => tests.test(name))
        expect(named.length, `tests of the name ${tests}`).toBeGreaterThan(0)
        const passed = named.filter(({ result }) => result !== 'failed')
        expect(passed.map(inWords), `exceptions that have to go`).toEqual([])
      }
    })
  },
)

function countByFile(results: readonly TestResult[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { file } of results) counts[file] = (counts[file] ?? 0) + 1
  return counts
}

function inWords({ file, name, result, message }: TestResult): string {
  return `${file} > ${name}: ${result} ${message}`.trim()
}
