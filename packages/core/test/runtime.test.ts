import { expect, test } from 'vitest'

/** Where a test really runs: test runners fall back to Node.js without a word. */
function runtime(): string {
  const { Bun, Deno, EdgeRuntime } = globalThis as { Bun?: object; Deno?: object; EdgeRuntime?: string }
  if (Bun) return 'Bun'
  if (Deno) return 'Deno'
  return EdgeRuntime ? 'an edge VM' : 'Node.js'
}

test('the suite runs where it was told to', () => {
  expect(runtime()).toBe(process.env.CURFEW_SUITE_RUNTIME ?? runtime())
})
