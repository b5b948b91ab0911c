import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { type PublishedPackage, publishedPackages } from './support/published-packages.ts'
import { root, run } from './support/run.ts'

// JSR takes the sources, by what the deno.json of each package says; package.json says the same.

interface DenoConfig {
  readonly name: string
  readonly version: string
  readonly exports: Readonly<Record<string, string>>
  readonly workspace?: readonly string[]
}

function denoConfig(folder: string): DenoConfig {
  return JSON.parse(readFileSync(`${root}/${folder}/deno.json`, 'utf8'))
}

const published = publishedPackages.filter(({ folder }) => ['core', 'hono', 'deno'].includes(folder))

test('its workspace has the packages that are published there', () => {
  const folders = published.map(({ folder }) => `packages/${folder}`)
  expect([...denoConfig('.').workspace!].sort()).toEqual(folders.sort())
})

test.each(published)('$manifest.name has one name, one version and the same exports there', (each) => {
  const { name, version, exports } = denoConfig(`packages/${each.folder}`)
  expect({ name, version }).toEqual({ name: each.manifest.name, version: each.manifest.version })
  expect(exports).toEqual(sourcesOf(each))
})

test('they could be published, without tests and without slow types', { timeout: 120_000 }, async () => {
  const { code, output } = await run('deno', ['publish', '--dry-run', '--allow-dirty'])
  expect(code, output).toBe(0)
  expect(output).not.toMatch(/slow-types|warning/i)
  const files = Array.from(output.matchAll(/^ *file:\/\/\S*\/packages\/(\S+)/gm), ([, path]) => path!)
  for (const { folder, manifest } of published) {
    expect(output).toContain(`Simulating publish of ${manifest.name}@${manifest.version}`)
    expect(files).toEqual(
      expect.arrayContaining(['LICENSE', 'README.md', 'src/index.ts'].map((path) => `${folder}/${path}`)),
    )
  }
  const expected = /^\w+\/(LICENSE|README\.md|deno\.json|src\/.*\.ts)$/
  expect(files.filter((path) => !expected.test(path) || path.includes('.test.'))).toEqual([])
})

function sourcesOf({ manifest }: PublishedPackage): Record<string, string> {
  const sources = Object.entries(manifest.exports).flatMap(([path, target]) =>
    typeof target === 'string' ? [] : [[path, target['curfew-source']!]],
  )
  return Object.fromEntries(sources)
}
