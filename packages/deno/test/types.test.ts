import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { deno, denoArgs, folder } from './support.ts'

test('the types fit those of Deno itself', () => {
  const args = ['check', ...denoArgs.filter((arg) => arg !== '--no-prompt'), 'test/types.ts']
  const { status, stderr } = spawnSync(deno, args, {
    cwd: folder,
    env: { ...process.env, NO_COLOR: '1' },
    encoding: 'utf8',
  })
  expect(stderr).not.toContain('error')
  expect(status).toBe(0)
})
