// The suites of all packages on one version of Node.js after the other: `npm run test:matrix`, or with versions as
// arguments. Servers that tests start run on the same one, which is made sure of first.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const versions = process.argv.length > 2 ? process.argv.slice(2) : ['20', '22', '24', '26']
const folder = mkdtempSync(join(tmpdir(), 'curfew-matrix-'))
const rows = versions.map((version) => ({ version, ...ran(version) }))
rmSync(folder, { recursive: true, force: true })
console.table(rows)
process.exitCode = rows.every(({ result }) => result === 'passed') ? 0 : 1

function ran(version) {
  const node = versionsOf(version)
  if (node.length !== 1 || !node[0].startsWith(`v${version}`)) {
    return { node: node.join(', '), result: 'failed: not the only version that runs' }
  }
  const report = join(folder, `${version}.json`)
  const started = performance.now()
  console.log(`\nNode.js ${node}`)
  const { status } = onNode(version, 'inherit', [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--project=packages',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
  ])
  const seconds = Math.round((performance.now() - started) / 1_000)
  const { numPassedTests: passed, numFailedTests: failed, numPendingTests: skipped } = read(report)
  return {
    node: node[0],
    passed,
    failed,
    skipped,
    seconds,
    result: status === 0 && passed > 0 ? 'passed' : 'failed',
  }
}

/** Of the process itself, of what it starts as itself, and of what it starts as `node`. */
function versionsOf(version) {
  const probe = `
    const { spawnSync } = require('node:child_process')
    const started = [process.execPath, 'node'].map((command) => String(spawnSync(command, ['--version']).stdout).trim())
    console.log(JSON.stringify([process.version, ...started]))`
  const { stdout } = onNode(version, ['ignore', 'pipe', 'inherit'], ['-e', probe])
  try {
    return [...new Set(JSON.parse(stdout))]
  } catch {
    return []
  }
}

function onNode(version, stdio, args) {
  return spawnSync('npx', ['--yes', '--prefer-offline', `node@${version}`, ...args], {
    stdio,
    encoding: 'utf8',
  })
}

function read(report) {
  try {
    return JSON.parse(readFileSync(report, 'utf8'))
  } catch {
    return {}
  }
}
