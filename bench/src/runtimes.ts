import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** What runs JavaScript, as its real executable: shims cannot be ended, and their time counts elsewhere. */
export interface Runtime {
  readonly name: string
  readonly version: string
  readonly command: string
  /** Its arguments for a script that collects garbage itself, and may have so many megabytes. */
  args(heapMb?: number): string[]
}

const bin = fileURLToPath(new URL('../../node_modules/.bin', import.meta.url))
/** So much of it is young that nothing is collected while what a few hundred requests allocate is counted. */
const YOUNG_MB = 64

/** For what is no part of what is measured. */
export const thisNode: Runtime = {
  name: 'this Node.js',
  version: process.versions.node,
  command: process.execPath,
  args: () => [],
}

const nodeProbe = 'console.log(process.execPath + " " + process.versions.node)'

/** How each is found; npx fetches a Node.js that there is not. */
const finders: Record<string, () => Runtime | undefined> = {
  node20: () => node('Node 20', ['npx', '-y', '--prefer-offline', 'node@20', '-e', nodeProbe]),
  node24: () => node('Node 24', ['npx', '-y', '--prefer-offline', 'node@24', '-e', nodeProbe]),
  bun: () =>
    other('Bun', [join(bin, 'bun'), '-e', 'console.log(process.execPath + " " + Bun.version)'], () => []),
  deno: () =>
    other(
      'Deno',
      [join(bin, 'deno'), 'eval', 'console.log(Deno.execPath() + " " + Deno.version.deno)'],
      (heapMb) => [
        'run',
        '-A',
        '--no-lock',
        '--quiet',
        '--node-modules-dir=manual',
        `--v8-flags=${v8Flags(heapMb).join(',')}`,
      ],
    ),
}

/** Those that there are here. */
export function findRuntimes(): Runtime[] {
  return Object.values(finders)
    .map((find) => find())
    .filter((runtime) => runtime !== undefined)
}

/** @param name `node` is the one that runs this. */
export function findRuntime(name: string): Runtime {
  if (name === 'node') return { ...thisNode, name: 'Node', args: v8Flags }
  if (!Object.hasOwn(finders, name)) {
    const known = ['node', ...Object.keys(finders)].join(', ')
    throw new Error(`Invalid --runtime: expected one of ${known}, got ${name}`)
  }
  const runtime = finders[name]!()
  if (!runtime) throw new Error(`--runtime ${name} is not here: npm run bootstrap installs Bun and Deno`)
  return runtime
}

function v8Flags(heapMb: number | undefined): string[] {
  return [
    '--expose-gc',
    `--max-semi-space-size=${YOUNG_MB}`,
    `--min-semi-space-size=${YOUNG_MB}`,
    ...(heapMb ? [`--max-old-space-size=${heapMb}`] : []),
  ]
}

function node(name: string, probe: string[]): Runtime | undefined {
  if (process.version.startsWith(`v${name.slice('Node '.length)}.`)) {
    return { name, version: process.versions.node, command: process.execPath, args: v8Flags }
  }
  return other(name, probe, v8Flags)
}

function other(name: string, [command, ...args]: string[], runArgs: Runtime['args']): Runtime | undefined {
  const { status, stdout } = spawnSync(command!, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const [, path, version] = /^(.*) (\S+)$/m.exec(stdout ?? '') ?? []
  if (status !== 0 || !path || !version) {
    console.error(`${name} is not here: left out`)
    return undefined
  }
  return { name, version, command: path, args: runArgs }
}

/** The versions of what is compared. */
export function versions(): Record<string, string> {
  const require = createRequire(import.meta.url)
  return Object.fromEntries(
    [
      'hono',
      '@hono/node-server',
      'p-timeout',
      'effect',
      'express',
      'connect-timeout',
      'express-timeout-handler',
      'fastify',
      '@hapi/hapi',
      'koa',
      'mitata',
    ].map((name) => [name, versionOf(require, name)]),
  )
}

/** Looked for beside the module, for not every package lets its package.json be imported. */
function versionOf(require: NodeJS.Require, name: string): string {
  for (const folder of require.resolve.paths(name) ?? []) {
    try {
      return require(join(dirname(join(folder, '_')), name, 'package.json')).version
    } catch {}
  }
  throw new Error(`Not installed: ${name}`)
}
