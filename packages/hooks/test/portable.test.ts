import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

/** All that a module imports from elsewhere than this package, however indirectly. */
function importsOf(module: URL, seen = new Set<string>()): Set<string> {
  seen.add(module.href)
  const found = new Set<string>()
  for (const [, type, name = ''] of readFileSync(module, 'utf8').matchAll(
    /^(?:import|export) (type )?.*?from '(.+?)'$/gms,
  )) {
    if (!name.startsWith('.')) {
      if (!type) found.add(name)
    } else if (!seen.has(new URL(name, module).href)) {
      for (const further of importsOf(new URL(name, module), seen)) found.add(further)
    }
  }
  return found
}

test('the package itself runs on any runtime: nothing of Node.js is imported', () => {
  const imports = importsOf(new URL('../src/index.ts', import.meta.url))
  expect([...imports].filter((name) => name.startsWith('node:'))).toEqual([])
  expect(imports).toContain('@curfew/core')
})

test('while its file hook is for Node.js', () => {
  expect(importsOf(new URL('../src/json-lines.ts', import.meta.url))).toContain('node:fs')
})
