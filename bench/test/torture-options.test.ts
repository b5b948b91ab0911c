import { expect, test } from 'vitest'
import { readOptions } from '../src/torture/read-options.ts'

const wrong: [args: string, message: string][] = [
  ['--target nosuch', 'Invalid --target: expected one of listener, serve, hono, '],
  ['--target listener,nosuch', 'got nosuch'],
  ['--target bun', 'all; that one has --runtime bun, got bun'],
  ['--runtime ruby', 'Invalid --runtime: expected one of node, node20, node24, bun, deno, got ruby'],
  ['--against hono,nosuch', 'Invalid --against: expected one of hono, connect-timeout, '],
  ['--seconds abc', 'Invalid --seconds: expected a positive number, got abc'],
  ['--seconds 0', 'Invalid --seconds: expected a positive number, got 0'],
  ['--requests Infinity', 'Invalid --requests: expected a whole number above 0, got Infinity'],
  ['--connections 0.5', 'Invalid --connections: expected a whole number above 0, got 0.5'],
  ['--seed x', 'Invalid --seed: expected a whole number, got x'],
  ['--visits foo', 'Invalid --visits: expected visits by number, like 120-120, got foo'],
]

test.each(wrong)('the torture refuses %s, by name and value', (args, message) => {
  expect(() => readOptions(args.split(' '))).toThrow(message)
})

test('the torture takes all targets of its runtime, and the visits of one connection', () => {
  const { targets, from, to, seconds } = readOptions(['--visits', '120-120'])
  expect(targets).toContain('listener')
  expect(targets).not.toContain('bun')
  expect([from, to, seconds]).toEqual([120, 120, 60])
  expect(readOptions(['--target', 'koa,h2']).targets).toEqual(['koa', 'h2'])
})
