import { access, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { installAll, packAll, succeeded, type Tarball, writeJson } from './packed/install.ts'
import { publishedPackages } from './support/published-packages.ts'
import { run } from './support/run.ts'

// The packages as their users get them: packed, and installed into an empty project.

let folder: string
let project: string
let tarballs: Tarball[]

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'curfew-packed-'))
  project = join(folder, 'project')
  tarballs = await packAll(join(folder, 'tarballs'))
  await installAll(tarballs, project)
}, 300_000)

afterAll(() => rm(folder, { recursive: true, force: true }))

const names = publishedPackages.map(({ manifest }) => manifest.name)
const installed = (name: string, path: string): string => join(project, 'node_modules', name, path)

describe.each(names)('the tarball of %s', (name) => {
  const files = (): readonly string[] =>
    tarballs.find(({ published }) => published.manifest.name === name)!.files

  test('has its code, a licence and a README, and nothing that only its authors need', () => {
    expect(files()).toEqual(expect.arrayContaining(['LICENSE', 'README.md', 'package.json']))
    expect(files().filter((path) => /^dist\/.*\.js$/.test(path))).not.toEqual([])
    const expected = /^(LICENSE|README\.md|package\.json|(dist\/.*\.(js|d\.ts))|(src\/.*\.ts)|(bin\/.*\.js))$/
    expect(files().filter((path) => !expected.test(path) || /\.test\.|\/test\//.test(path))).toEqual([])
  })

  test('has every file that its package.json names', async () => {
    const { exports } = JSON.parse(await readFile(installed(name, 'package.json'), 'utf8'))
    const named = Object.values<string | Record<string, string>>(exports).flatMap((target) =>
      typeof target === 'string' ? [target] : Object.values(target),
    )
    for (const path of named) await access(installed(name, path))
  })

  test('asks for nothing that only this workspace knows', async () => {
    const manifest = await readFile(installed(name, 'package.json'), 'utf8')
    const { devDependencies: _, ...seen } = JSON.parse(manifest)
    expect(JSON.stringify(seen)).not.toMatch(/"(workspace|catalog|link|file):/)
  })

  test('has types that are resolved as its code is', { timeout: 60_000 }, async () => {
    const { path } = tarballs.find(({ published }) => published.manifest.name === name)!
    succeeded(
      await run('attw', [path, '--profile', 'esm-only', '--no-definitely-typed', '--format', 'ascii']),
    )
  })
})

describe('a program that uses them runs', { timeout: 60_000 }, () => {
  const deno = ['run', '-A', '--node-modules-dir=manual', '--no-lock', 'on-deno.js']

  /** What it printed: the names of all exports, and the answers of a guarded handler. */
  async function printed(command: string, ...args: string[]): Promise<{ names: object; answers: unknown }> {
    const { output } = succeeded(await run(command, args, { cwd: project }))
    const line = output.split('\n').find((each) => each.startsWith('{"names"'))
    if (!line) throw new Error(`It printed nothing of that kind:\n${output}`)
    return JSON.parse(line)
  }

  const onNode = (): ReturnType<typeof printed> => printed(process.execPath, 'on-node.js')
  const answered = [
    [200, 'hello'],
    [503, 'HANDLER_TIMEOUT'],
  ]

  test('on Node.js', async () => {
    const { names, answers } = await onNode()
    expect(answers).toEqual(answered)
    expect(Object.keys(names)).toEqual(publishedPackages.flatMap(({ entries }) => entries))
    for (const exported of Object.values(names)) expect(exported).not.toEqual([])
  })

  test.each([
    ['Bun', ['bun', 'on-bun.js']],
    ['Deno', ['deno', ...deno]],
  ])('on %s', async (_, [command, ...args]) => {
    const { names, answers } = await printed(command!, ...args)
    expect(answers).toEqual(answered)
    expect(names).toEqual((await onNode()).names)
  })

  test('on Node.js, in CommonJS, around apps of all frameworks', async () => {
    const { names, answers } = await printed(process.execPath, 'on-frameworks.cjs')
    expect(names).toEqual(['node:http', 'connect', 'express', 'express4', 'koa', 'fastify'])
    for (const each of Object.values(answers as object)) expect(each).toEqual(answered)
  })

  test('on workerd, bundled', async () => {
    const bundle = ['on-workerd.js', '--bundle', '--format=esm', '--outfile=on-workerd.bundle.js']
    // Hono's context is kept apart by AsyncLocalStorage, which workerd has by this name.
    const flags = ['--conditions=workerd,worker', '--external:node:async_hooks']
    succeeded(await run('esbuild', [...bundle, ...flags], { cwd: project }))
    const { names, answers } = await printed('workerd', 'test', 'workerd.capnp')
    expect(answers).toEqual(answered)
    expect((await onNode()).names).toMatchObject(names)
  })
})

test('the command of the cli runs', async () => {
  const { output } = succeeded(await run(join(project, 'node_modules/.bin/curfew'), ['--version']))
  expect(output.trim()).toBe(publishedPackages.find(({ folder }) => folder === 'cli')!.manifest.version)
})

describe.each([
  ['nodenext', 'nodenext'],
  ['bundler', 'esnext'],
])('under moduleResolution %s', (moduleResolution, module) => {
  const base = { moduleResolution, module, target: 'es2023', strict: true, noEmit: true }

  async function compile(name: string, compilerOptions: object): Promise<string> {
    const config = `tsconfig.${name}.${moduleResolution}.json`
    const all = { ...base, lib: ['es2023', 'dom', 'dom.iterable', 'dom.asynciterable'], ...compilerOptions }
    await writeJson(join(project, config), { compilerOptions: all, files: [`${name}.ts`] })
    const { output } = await run('tsc', ['-p', config], { cwd: project })
    return output
  }

  test('a program with the core compiles, and so do the types of the core', async () => {
    expect(await compile('with-core', { types: [], skipLibCheck: false })).toBe('')
  })

  test('a program with all packages compiles', async () => {
    expect(await compile('with-all', { types: ['node'], skipLibCheck: false })).toBe('')
  })

  test('apps of the frameworks compile with what their entries export', async () => {
    expect(await compile('with-frameworks', { types: ['node'], skipLibCheck: false })).toBe('')
  })
})
