import { InvalidOptionError } from '@curfew/core'
import { expect, test } from 'vitest'
import { serve } from './serve.ts'

const fetch = () => new Response('hello')

test.each([
  ['timeoutMS', { fetch, timeoutMS: 5 }],
  ['fetch', {}],
  ['fetch', { fetch: 'hello' }],
  ['fetch', { fetch: 'hello', routes: {} }],
  ['error', { fetch, error: 'hello' }],
  ['idleTimeout', { fetch, idleTimeout: 256 }],
  ['timeoutMs', { fetch, timeoutMs: -5 }],
])('serve() refuses %s where it cannot be what it is', (option, options) => {
  expect(() => serve(options as never)).toThrow(InvalidOptionError)
  expect(() => serve(options as never)).toThrow(`Invalid option ${option}:`)
})

test.skipIf('Bun' in globalThis)('serve() says where it is that it cannot serve', () => {
  expect(() => serve({ fetch })).toThrow('Not running on Bun: the global Bun is missing')
})
