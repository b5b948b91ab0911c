import { AsyncLocalStorage } from 'node:async_hooks'
import { describe, expect, test, vi } from 'vitest'
import { deferred, get, never } from '../test/support.ts'
import { type GuardOptions, guard, type Handler, systemClock } from './index.ts'

const storage = new AsyncLocalStorage<string>()

/** What three requests at once see, two of which find the timer of their guard set. */
async function inTheirContexts(
  options: (see: (what: string) => void) => GuardOptions,
  handler: (see: (what: string) => void) => Handler,
): Promise<Record<string, string[]>> {
  const seen: Record<string, string[]> = { first: [], second: [], none: [] }
  const see = (own: string) => (what: string) => seen[own]!.push(`${what} in ${storage.getStore()}`)
  const guards = Object.fromEntries(
    Object.keys(seen).map((own) => [own, guard(handler(see(own)), options(see(own)))]),
  )
  const shared = guard((request) => guards[new URL(request.url).pathname.slice(1)]!(request), {
    timeoutMs: 40,
  })
  await Promise.all([
    storage.run('first', () => shared(get('/first'))),
    storage.run('second', () => shared(get('/second'))),
    shared(get('/none')),
  ])
  // What is called once the response is handed over.
  await new Promise((resolve) => setTimeout(resolve, 0))
  return seen
}

const each = (...whats: string[]): Record<string, string[]> => ({
  first: whats.map((what) => `${what} in first`),
  second: whats.map((what) => `${what} in second`),
  none: whats.map((what) => `${what} in undefined`),
})

describe('at the deadline, requests that share a timer each have their own async context', () => {
  test('for the hooks of a guard', async () => {
    const seen = await inTheirContexts(
      (see) => ({ onOutcome: ({ kind }) => see(kind) }),
      () => never,
    )
    expect(seen).toEqual(each('timed-out'))
  })

  test('for listeners of a signal that is read at once', async () => {
    const seen = await inTheirContexts(
      () => ({}),
      (see) => (request) => {
        request.signal.addEventListener('abort', () => see('abort'))
        return never()
      },
    )
    expect(seen).toEqual(each('abort'))
  })

  test('for listeners of a signal that is read later, before the first tick or after it', async () => {
    for (const ms of [0, 20]) {
      const seen = await inTheirContexts(
        () => ({}),
        (see) => async (request) => {
          await new Promise((resolve) => setTimeout(resolve, ms))
          request.signal.addEventListener('abort', () => see('abort'))
          return never()
        },
      )
      expect(seen).toEqual(each('abort'))
    }
  })

  test('for the function that makes the reply', async () => {
    const seen: unknown[] = []
    const timeoutResponse = ({ kind }: { kind: string }): string => {
      seen.push(`${kind} in ${storage.getStore()}`)
      return 'late'
    }
    const shared = guard(never, { timeoutMs: 40, timeoutResponse })
    await Promise.all(['a', 'b', 'c'].map((name) => storage.run(name, () => shared(get()))))
    expect(seen).toEqual(['timed-out in a', 'timed-out in b', 'timed-out in c'])
  })

  test('for the body that was being drained', async () => {
    const cancelled = deferred<unknown>()
    const body = new ReadableStream({ cancel: () => cancelled.resolve(storage.getStore()) })
    const shared = guard(async () => new Response(body), { timeoutMs: 40, buffer: true })
    void guard(never, { timeoutMs: 40 })(get())
    await storage.run('own', () => shared(get()))
    expect(await cancelled.promise).toBe('own')
  })
})

test('a deadline that came with the request strikes in the async context of its request, too', async () => {
  const seen: unknown[] = []
  const told = deferred<void>()
  const shared = guard(never, {
    timeoutMs: 5_000,
    inbound: (request) => (request.url.endsWith('/first') ? 30 : 40),
    onOutcome(_, request) {
      seen.push(`${new URL(request.url).pathname} in ${storage.getStore()}`)
      if (seen.length === 2) told.resolve()
    },
  })
  for (const own of ['first', 'second']) storage.run(own, () => void shared(get(`/${own}`)))
  await told.promise
  expect(seen.toSorted()).toEqual(['/first in first', '/second in second'])
})

test('a deadline that an inner guard moves strikes in the async context of its request, too', async () => {
  const told = deferred<unknown>()
  const route = guard(never, { timeoutMs: 30, onOutcome: () => told.resolve(storage.getStore()) })
  const app = guard((request) => route(request), { timeoutMs: 5_000 })
  storage.run('own', () => void app(get()))
  expect(await told.promise).toBe('own')
})

test('the timer that requests share is set in the async context of none of them', async () => {
  const contexts: unknown[] = []
  const { setTimeout } = systemClock
  const spy = vi.spyOn(systemClock, 'setTimeout').mockImplementation((callback, ms) => {
    contexts.push(storage.getStore())
    return setTimeout(callback, ms)
  })
  await storage.run('own', () => guard(never, { timeoutMs: 40 })(get()))
  spy.mockRestore()
  expect(contexts.length).toBeGreaterThanOrEqual(2)
  expect(new Set(contexts)).toEqual(new Set([undefined]))
})
