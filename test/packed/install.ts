import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type PublishedPackage, publishedPackages } from '../support/published-packages.ts'
import { type Finished, root, run } from '../support/run.ts'

export interface Tarball {
  readonly published: PublishedPackage
  readonly path: string
  readonly files: readonly string[]
}

/** Packs all packages that are published into a folder, as they are built. */
export async function packAll(folder: string): Promise<Tarball[]> {
  await mkdir(folder, { recursive: true })
  const packages = publishedPackages.map((published) => `./packages/${published.folder}`)
  const { stdout } = succeeded(
    await run('npm', ['pack', '--json', '--pack-destination', folder, ...packages]),
  )
  const packed: { name: string; filename: string; files: { path: string }[] }[] = JSON.parse(stdout)
  return publishedPackages.map((published) => {
    const { filename, files } = packed.find(({ name }) => name === published.manifest.name)!
    return { published, path: join(folder, filename), files: files.map(({ path }) => path) }
  })
}

/** Makes a project that has them as its dependencies, with what they do not bring along. */
export async function installAll(tarballs: readonly Tarball[], project: string): Promise<void> {
  await cp(join(root, 'test/packed/project'), project, { recursive: true })
  const workspace = await readFile(join(root, 'pnpm-workspace.yaml'), 'utf8')
  const own = tarballs.map(({ published, path }) => [published.manifest.name, `file:${path}`])
  const peers = [...ofTheirUsers, ...frameworks].map((name) => {
    const [, version] = new RegExp(`^ {2}"?${name}"?: (.*)$`, 'm').exec(workspace)!
    return [name, version]
  })
  const manifest = { name: 'project', private: true, type: 'module' }
  await writeJson(join(project, 'package.json'), {
    ...manifest,
    dependencies: Object.fromEntries([...own, ...peers]),
  })
  const entries = tarballs.flatMap(({ published }) => published.entries)
  await writeFile(join(project, 'names.js'), namesModule(entries))
  await writeFile(join(project, 'with-all.ts'), importsOf(entries))
  const flags = ['--prefer-offline', '--no-audit', '--no-fund', '--no-package-lock', '--ignore-scripts']
  succeeded(await run('npm', ['install', ...flags], { cwd: project }))
}

const ofTheirUsers = ['hono', '@opentelemetry/api', 'p-retry', '@types/node']
const frameworks = [
  'connect',
  'express',
  'express4',
  'fastify',
  'koa',
  '@types/connect',
  '@types/express',
  '@types/koa',
]

/** A module that imports them all, and says what they export. */
function namesModule(entries: readonly string[]): string {
  const lines = entries.map((entry) => `  '${entry}': Object.keys(await import('${entry}')).sort(),`)
  return `export const names = {\n${lines.join('\n')}\n}\n`
}

function importsOf(entries: readonly string[]): string {
  const lines = entries.map((entry, index) => `export * as entry${index} from '${entry}'`)
  return `${lines.join('\n')}\n`
}

export function writeJson(path: string, value: unknown): Promise<void> {
  return writeFile(path, JSON.stringify(value, null, 2))
}

/** @throws what it wrote, if it failed */
export function succeeded(finished: Finished): Finished {
  if (finished.code !== 0) throw new Error(`It failed with ${finished.code}:\n${finished.output}`)
  return finished
}
