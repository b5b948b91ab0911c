import { readdirSync, readFileSync } from 'node:fs'
import { root } from './run.ts'

export interface Manifest {
  readonly name: string
  readonly version: string
  readonly private?: boolean
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>
}

export interface PublishedPackage {
  /** Below packages/. */
  readonly folder: string
  readonly manifest: Manifest
  /** What is imported from it, as users write it. */
  readonly entries: readonly string[]
}

/** Every package that is not private. */
export const publishedPackages: readonly PublishedPackage[] = readdirSync(`${root}/packages`)
  .map((folder) => ({ folder, manifest: manifestOf(`${root}/packages/${folder}/package.json`) }))
  .filter(({ manifest }) => !manifest.private)
  .map(({ folder, manifest }) => ({ folder, manifest, entries: entriesOf(manifest) }))

function manifestOf(path: string): Manifest {
  return JSON.parse(readFileSync(path, 'utf8'))
}

function entriesOf({ name, exports }: Manifest): string[] {
  const code = Object.keys(exports).filter((path) => path !== './package.json')
  return code.map((path) => name + path.slice(1))
}
