import { AsyncLocalStorage } from 'node:async_hooks'
import { expect, test } from 'vitest'
import { deferred, FakeClient, get, never, observed } from '../test/support.ts'
import { attachClient } from './adapter.ts'
import { currentScope } from './context.ts'
import { guard, type Scope, scopeOf } from './index.ts'

test('there is none outside', () => {
  expect(currentScope()).toBeUndefined()
})

test('it is that of the request, however deep and late it is asked for', async () => {
  const request = get()
  const seen: (Scope | undefined)[] = []
  const deep = async (): Promise<void> => {
    seen.push(currentScope())
    await Promise.resolve()
    seen.push(currentScope())
    await new Promise((resolve) => setTimeout(resolve, 0))
    seen.push(currentScope())
  }
  await guard(async () => {
    await deep()
    return new Response()
  })(request)
  expect(seen).toEqual([scopeOf(request), scopeOf(request), scopeOf(request)])
  expect(currentScope()).toBeUndefined()
})

test('a handler that answers at once, or throws, has it too', async () => {
  const seen: (Scope | undefined)[] = []
  const [first, second] = [get(), get()]
  const guarded = guard((request) => {
    seen.push(currentScope())
    if (request === second) throw new Error('boom')
    return new Response()
  })
  expect((await guarded(first)).status).toBe(200)
  expect((await guarded(second)).status).toBe(500)
  expect(seen).toEqual([scopeOf(first), scopeOf(second)])
})

test('requests at the same time each see their own', async () => {
  const gates = Array.from({ length: 50 }, () => deferred<void>())
  const guarded = guard(async (request) => {
    await gates[Number(new URL(request.url).pathname.slice(1))]!.promise
    await Promise.resolve()
    return new Response(String(currentScope() === scopeOf(request)))
  })
  const replies = gates.map((_, index) => guarded(get(`/${index}`)))
  for (const gate of gates.toReversed()) gate.resolve()
  for (const reply of replies) expect(await (await reply).text()).toBe('true')
})

test('a request that another one makes has its own, and the first one its own again', async () => {
  const [first, second] = [get('/first'), get('/second')]
  const seen: (Scope | undefined)[] = []
  const other = guard(async () => {
    seen.push(currentScope())
    return new Response()
  })
  await guard(async () => {
    await other(second)
    seen.push(currentScope())
    return new Response()
  })(first)
  expect(seen).toEqual([scopeOf(second), scopeOf(first)])
})

test('guards of one request share it', async () => {
  const request = get()
  let seen: Scope | undefined
  const inner = guard(() => {
    seen = currentScope()
    return new Response()
  })
  await guard((own) => inner(own))(request)
  expect(seen).toBe(scopeOf(request))
})

test('an abandoned handler, and the listeners of its signal, go on seeing their own', async () => {
  const { options, clock } = observed({ timeoutMs: 100 })
  const work = deferred<void>()
  const request = get()
  const seen: (Scope | undefined)[] = []
  void guard(async (own) => {
    own.signal.addEventListener('abort', () => seen.push(currentScope()))
    await work.promise
    seen.push(currentScope())
    return new Response()
  }, options)(request)
  await clock.advance(100)
  work.resolve()
  await clock.advance(0)
  expect(seen).toEqual([scopeOf(request), scopeOf(request)])
  expect(scopeOf(request).outcome).toMatchObject({ kind: 'timed-out' })
})

test('the listeners of the signal see it where the runtime has to be asked for its context as well', async () => {
  const { options, clock } = observed({ timeoutMs: 100 })
  const request = get()
  const seen: unknown[] = []
  let runs = 'outside'
  const client = new FakeClient()
  attachClient(request, Object.assign(client, { snapshot: () => inSnapshot }))
  function inSnapshot(work: () => void): void {
    runs = 'inside'
    work()
    runs = 'outside'
  }
  void guard((own) => {
    own.signal.addEventListener('abort', () => seen.push(currentScope(), runs))
    return never()
  }, options)(request)
  await clock.advance(100)
  expect(seen).toEqual([scopeOf(request), 'inside'])
})

test('the work of a step sees it', async () => {
  const request = get()
  let seen: Scope | undefined
  await guard(async (own) => {
    await scopeOf(own).step({ share: 0.5 }, async () => {
      await Promise.resolve()
      seen = currentScope()
    })
    return new Response()
  })(request)
  expect(seen).toBe(scopeOf(request))
})

test('the context of others stays', async () => {
  const own = new AsyncLocalStorage<string>()
  const reply = own.run('mine', () => guard(async () => new Response(own.getStore()))(get()))
  expect(await (await reply).text()).toBe('mine')
})
