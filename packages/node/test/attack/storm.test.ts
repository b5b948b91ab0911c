import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

test('thousands of requests that end badly leave nothing behind', async () => {
  const script = fileURLToPath(new URL('storm.js', import.meta.url))
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ['--expose-gc', script])
  const { grownMb, connections, ...rest } = JSON.parse(stdout)
  expect(stderr).toBe('')
  expect(rest).toEqual({
    escaped: { 500: 1_000 },
    late: { 503: 4_000 },
    answered: { 200: 1_000 },
    outcomes: { failed: 1_000, 'timed-out': 5_000, completed: 1_000 },
    active: 0,
    charged: 1_000,
    unclaimed: 0,
    listeners: 1,
  })
  expect(grownMb).toBeLessThan(5)
  expect(connections).toBeLessThanOrEqual(50)
})
