import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

// As in `survivors.test.ts`, but Deno keeps what is in an async context in a `WeakMap`. V8 takes all values of one that is
// old for alive when it collects what is young, so what leads from there back to the context grows old with the request:
// it was 4,200 bytes with Hono's `curfew()`, and is 400, as it is without.
const SURVIVING = 1_500

const deno = fileURLToPath(new URL('../../node_modules/.bin/deno', import.meta.url))
const script = fileURLToPath(new URL('survivors/on-deno.ts', import.meta.url))

/** So much is young that nothing is collected before it is asked for. */
const young = '--min-semi-space-size=64,--max-semi-space-size=64'

async function survivors(middleware: string): Promise<number> {
  const v8Flags = `--v8-flags=--expose-gc,${young}`
  const args = [
    'run',
    '-A',
    '--no-lock',
    '--quiet',
    '--node-modules-dir=manual',
    '--conditions=curfew-source',
  ]
  const { stdout } = await promisify(execFile)(deno, [...args, v8Flags, script, middleware], {
    env: { ...process.env, NO_COLOR: '1' },
  })
  return Number(stdout)
}

test('nothing of a request that is over grows old on Deno: curfew() of Hono', async () => {
  expect(await survivors('curfew()')).toBeLessThan(SURVIVING)
})

test('this limit is passed by a context that leads back to itself', async () => {
  expect(await survivors('a context that leads back')).toBeGreaterThan(SURVIVING)
})
