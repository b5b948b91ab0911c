import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from '../support/run.ts'
import { parseJunit, type TestResult } from './parse-junit.ts'

export interface Suite {
  readonly results: readonly TestResult[]
  /** Errors that belong to no test, as the runner counts them. */
  readonly stray: readonly string[]
  readonly output: string
}

/** For one test. Three suites at once, among other tests, may have a small part of a machine that is busy already. */
const TEST_MS = 120_000

const vitest = (report: string): string[] => [
  'run',
  '--config=test/core-suite/vitest.config.ts',
  '--reporter=junit',
  '--reporter=default',
  `--outputFile.junit=${report}`,
  `--testTimeout=${TEST_MS}`,
]

/** How each runs the unit suite of the core. */
export const runtimes: Readonly<Record<string, (report: string) => [command: string, ...args: string[]]>> = {
  Bun: (report) => [
    'bun',
    'test',
    '--conditions=curfew-source',
    `--timeout=${TEST_MS}`,
    '--reporter=junit',
    `--reporter-outfile=${report}`,
    'packages/core',
  ],
  Deno: (report) => [
    'deno',
    'run',
    '-A',
    'node_modules/vitest/vitest.mjs',
    ...vitest(report),
    '--pool=forks',
    // As in Bun, all files share one global object, which saves a third of the time.
    '--no-isolate',
  ],
  // In a context of its own, with what @edge-runtime/vm has, and nothing of Node's besides.
  'an edge VM': (report) => ['vitest', ...vitest(report), '--environment=edge-runtime', '--pool=vmForks'],
}

export async function runSuite(runtime: string): Promise<Suite> {
  const folder = await mkdtemp(join(tmpdir(), 'curfew-suite-'))
  try {
    const report = join(folder, 'report.xml')
    const [command, ...args] = runtimes[runtime]!(report)
    const { output } = await run(command, args, { env: { CURFEW_SUITE_RUNTIME: runtime } })
    const xml = await readFile(report, 'utf8').catch(() => '')
    if (xml === '') throw new Error(`There is no report:\n${output.slice(-4_000)}`)
    // The last lines of vitest say `Errors  1 error`, those of Bun ` 1 error`.
    const stray = output.match(/^ *(?:Errors +)?\d+ errors?$/gm) ?? []
    return { results: parseJunit(xml), stray, output }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
