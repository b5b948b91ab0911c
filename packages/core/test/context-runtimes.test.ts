import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const binary = (name: string): string =>
  fileURLToPath(new URL(`../../../node_modules/.bin/${name}`, import.meta.url))
const fixture = fileURLToPath(new URL('context-fixture.ts', import.meta.url))

test.each([
  ['bun', ['run', fixture]],
  ['deno', ['run', '--allow-all', '--no-lock', fixture]],
])('currentScope() is that of the request on %s', async (name, args) => {
  const { stdout } = await promisify(execFile)(binary(name), args, { timeout: 20_000 })
  expect(JSON.parse(stdout)).toEqual({ wrong: 0, outside: true, statuses: [200, 503] })
})
