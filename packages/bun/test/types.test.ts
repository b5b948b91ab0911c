import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

test("Bun's own server, requests and handlers fit the types of this package", () => {
  const root = new URL('../../../', import.meta.url)
  const { stdout, status } = spawnSync(
    fileURLToPath(new URL('node_modules/.bin/tsc', root)),
    ['-p', fileURLToPath(new URL('bun', import.meta.url))],
    { encoding: 'utf8', cwd: fileURLToPath(root) },
  )
  expect(stdout).toBe('')
  expect(status).toBe(0)
})
