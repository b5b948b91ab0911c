import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const pathOf = (name: string): string => fileURLToPath(new URL(name, import.meta.url))

test("the types, and the README's examples, fit Cloudflare's own", () => {
  const folder = pathOf('types/.readme')
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder)
  const blocks = [...readFileSync(pathOf('../README.md'), 'utf8').matchAll(/```ts\n(.*?)```/gs)]
  expect(blocks).toHaveLength(2)
  for (const [index, [, block]] of blocks.entries()) writeFileSync(`${folder}/${index + 1}.ts`, block!)

  const { status, stdout, stderr } = spawnSync(
    pathOf('../../../node_modules/.bin/tsc'),
    ['-p', pathOf('types')],
    { encoding: 'utf8' },
  )
  expect(`${stdout}${stderr}`).toBe('')
  expect(status).toBe(0)
})
