import { AsyncLocalStorage } from 'node:async_hooks'
import { expect, onTestFinished, test } from 'vitest'
import { get } from '../test/support.ts'
import { contextSlot, enterScopes, type Inside } from './adapter.ts'
import { guard, type Scope, scopeOf } from './index.ts'

test('handlers are entered for as long as anybody needs it, in one storage for all', () => {
  // Where all files share one process, another one has needed it, and goes on to.
  const { enter } = contextSlot
  onTestFinished(() => {
    contextSlot.enter = enter
  })
  contextSlot.enter = undefined
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
  expect(seen).toEqual([scopeOf(requests[0]), scopeOf(requests[1]), undefined])
  expect(contextSlot.enter).toBeUndefined()
})
