import { describe, expect, test } from 'vitest'
import type { DenoRuntime } from './runtime.ts'
import { whereOf } from './where.ts'

/** A Deno that allows so much, and throws where it would ask. */
function deno(allowed: readonly string[], env: Record<string, string> = {}): DenoRuntime {
  const check = (name: string): void => {
    if (!allowed.includes(name)) throw new Error(`Deno would ask for ${name}`)
  }
  return {
    serve: () => {
      throw new Error('not in this test')
    },
    hostname() {
      check('hostname')
      return 'box'
    },
    env: {
      get(name) {
        check(name)
        return env[name]
      },
    },
    permissions: {
      querySync: (permission) => {
        const name = permission.name === 'env' ? permission.variable : permission.kind
        return { state: allowed.includes(name) ? 'granted' : 'prompt' }
      },
    },
  }
}

describe('whereOf()', () => {
  test('tells the host and the region, if it may', () => {
    const env = { DENO_REGION: 'fra', AWS_REGION: 'eu-central-1' }
    expect(whereOf(deno(['hostname', 'DENO_REGION', 'AWS_REGION'], env))).toEqual({
      hostname: 'box',
      region: 'fra',
    })
  })

  test('tells the region that it may see', () => {
    const env = { DENO_REGION: 'fra', AWS_REGION: 'eu-central-1' }
    expect(whereOf(deno(['AWS_REGION'], env))).toEqual({ region: 'eu-central-1' })
  })

  test('asks nobody for a permission, and does without', () => {
    expect(whereOf(deno([], { DENO_REGION: 'fra' }))).toEqual({})
  })
})
