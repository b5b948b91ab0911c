import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { guard } from '@curfew/core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeCores } from '../src/off/cores.ts'
import { features } from '../src/off/features.ts'
import { type HandlerName, handlers } from '../src/off/handlers.ts'
import { cut, makeCore } from '../src/off/make-core.ts'
import { player } from '../src/off/player.ts'
import type { VariantName } from '../src/off/variants.ts'
import { findRuntime, type Runtime } from '../src/runtimes.ts'

/**
 * Bytes a request, less than a closure with what it closes over. Whether a number has an object of its own (16) is up to the
 * moment at which V8 compiles.
 */
const NOTICED = 48
/** Three times what it takes Node 24 and 26 to compile all of it, and six times what Node 20 and 22 need. */
const WARM_UP = 3_000
/** For a machine that is busy. */
const PATIENCE_MS = 180_000

const folder = mkdtempSync(join(tmpdir(), 'curfew-cores-'))

beforeAll(() => makeCores(folder))
afterAll(() => rmSync(folder, { recursive: true }))

/** Its compiler has no thread of its own: what is compiled when is up to what has run, and not to how busy the machine is. */
const runtime: Runtime = (({ args, ...node }) => ({ ...node, args: () => ['--single-threaded', ...args()] }))(
  findRuntime('node'),
)

/** Bytes that a request allocates, in a process of its own. */
async function bytesOf(variant: VariantName, handler: HandlerName): Promise<number> {
  const args = { variant, handler, cores: `${pathToFileURL(folder)}/`, warmUp: WARM_UP, ms: 0 }
  const { end } = await player(runtime, args, '../dist/off/measure.js')
  return (await end())!
}

describe.each(Object.keys(handlers) as HandlerName[])('%s', (handler) => {
  test(
    'allocates as much where features are off as where there are none',
    async () => {
      const whole = await bytesOf('made of the sources', handler)
      expect(Math.abs(whole - (await bytesOf('nothing but the race', handler)))).toBeLessThan(NOTICED)
      expect((await bytesOf('one closure more', handler)) - whole).toBeGreaterThan(NOTICED)
    },
    PATIENCE_MS,
  )

  test(
    'allocates as much where they are said to be off, or imported',
    async () => {
      const guarded = await bytesOf('a guard', handler)
      for (const variant of ['everything said to be off', 'everything imported'] as const) {
        expect(Math.abs((await bytesOf(variant, handler)) - guarded), variant).toBeLessThan(NOTICED)
      }
      expect((await bytesOf('currentScope() on', handler)) - guarded).toBeGreaterThan(NOTICED)
    },
    PATIENCE_MS,
  )
})

describe('what is compared with', () => {
  test('is still a guard', async () => {
    const core: { guard: typeof guard } = await import(
      /* @vite-ignore */ `${pathToFileURL(folder)}/race/index.mjs`
    )
    const response = new Response('hi')
    const guarded = core.guard((request) => (request.method === 'GET' ? response : new Promise(() => {})), {
      timeoutMs: 20,
    })
    expect(await guarded(new Request('http://localhost/'))).toBe(response)
    expect((await guarded(new Request('http://localhost/', { method: 'POST' }))).status).toBe(503)
    expect(guarded.stats).toMatchObject({ active: 0, outcomes: { completed: 1, 'timed-out': 1 } })
  })

  test.each(Object.keys(features))('can be made without %s alone', async (feature) => {
    await makeCore(join(folder, 'alone'), features[feature]!)
  })

  test.each([
    ['what is not there any more', cut('guard.ts', 'nonsense'), 'No longer in guard.ts'],
    ['what is there twice', cut('guard.ts', 'handler.call'), 'More than once in guard.ts'],
    ['a file that is not there any more', cut('nonsense.ts', ''), 'There is no nonsense.ts'],
  ])('cannot be made without %s', async (_, each, message) => {
    await expect(makeCore(join(folder, 'none'), [each])).rejects.toThrow(message)
  })
})
