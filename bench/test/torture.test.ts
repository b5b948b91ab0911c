import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const main = fileURLToPath(new URL('../dist/torture/main.js', import.meta.url))

/** The same few hundred requests each time: what is looked at is the books, never a time, nor how much memory there is. */
const amounts = ['--books', '--seed', '2026', '--requests', '500', '--connections', '60']
/** For a machine that is busy. */
const PATIENCE_MS = 180_000

const own = [
  ['node', 'listener,serve'],
  ['node', 'hono,express'],
  ['node', 'koa,fastify'],
  ['node', 'h2,h2-listener'],
  ['bun', 'bun'],
  ['deno', 'deno'],
]

test.concurrent.each(own)(
  'clients that misbehave, on %s: the books of %s balance',
  async (runtime, target) => {
    const args = [main, '--runtime', runtime!, '--target', target!, ...amounts]
    const { stdout, code } = await promisify(execFile)(process.execPath, args).catch((error) => error)
    expect(stdout).not.toMatch(/^ +NOT .*$/m)
    expect(code).toBeUndefined()
  },
  PATIENCE_MS,
)
