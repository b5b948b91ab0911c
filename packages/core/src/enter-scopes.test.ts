import { AsyncLocalStorage } from 'node:async_hooks'
import { expect, test } from 'vitest'
import { get } from '../test/support.ts'
import { contextSlot, enterScopes, type Inside } from './adapter.ts'
import { guard, type Scope, scopeOf } from './index.ts'

test('handlers are entered for as long as anybody needs it, in one storage for all', () => {
  // Where all test files share one process, somebody may need it already, and go on to.
  const { enter } = contextSlot
  const make = () => new AsyncLocalStorage<Inside>()
  const first = enterScopes(make)
  const second = enterScopes(make)
  expect(second.storage).toBe(first.storage)

  const seen: (Scope | undefined)[] = []
  const guarded = guard(() => {
    seen.push(first.storage.getStore()?.scope)
    return new Response()
  })
  const requests = [get(), get(), get()] as const
  guarded(requests[0])
  first.leave()
  first.leave()
  guarded(requests[1])
  second.leave()
  guarded(requests[2])
  expect(seen[0]).toBe(scopeOf(requests[0]))
  expect(seen[1]).toBe(scopeOf(requests[1]))
  expect(seen[2]).toBe(enter && scopeOf(requests[2]))
  expect(contextSlot.enter).toBe(enter)
})
