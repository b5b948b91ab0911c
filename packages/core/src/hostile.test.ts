import { afterEach, describe, expect, test, vi } from 'vitest'
import { get, never, observed, soon, source } from '../test/support.ts'
import { type GuardOptions, guard } from './index.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

describe('a hook that fails with an error that throws when it is looked at', () => {
  function hostile(property: 'stack' | 'name'): Error {
    return Object.defineProperty(new Error('hook'), property, {
      get(): never {
        throw new Error('Getter was called')
      },
    })
  }

  const hooks: [name: string, hook: (error: unknown) => NonNullable<GuardOptions['onOutcome']>][] = [
    [
      'thrown',
      (error) => () => {
        throw error
      },
    ],
    [
      'rejected with',
      (error) => async () => {
        throw error
      },
    ],
  ]

  describe.each(hooks)('%s', (_, hook) => {
    test.each(['stack', 'name'] as const)('(%s) ends nothing, and is counted', async (property) => {
      const said: string[] = []
      // What a console does with an error, and what it says if that works.
      vi.spyOn(console, 'error').mockImplementation((what: string, error: unknown) => {
        said.push(error instanceof Error ? `${what} ${error.name} ${error.stack}` : what)
      })
      const { clock, options } = observed()
      const guarded = guard(async () => new Response('ok'), {
        ...options,
        onOutcome: hook(hostile(property)),
      })
      for (let i = 0; i < 2; i++) expect(await (await soon(guarded(get()))).text()).toBe('ok')
      await clock.advance(0)
      expect(guarded.stats).toMatchObject({ hookFailures: 2, hooksPending: 0, active: 0 })
      expect(said).toHaveLength(1)
    })
  })
})

describe('options', () => {
  test('that every object seems to have reach no guard', async () => {
    const { clock, options } = observed()
    const polluted = guardsUnder('timeoutMs', 5, () => [guard(never, options), guard(never, { clock })])
    const replies = guardsUnder('timeoutMs', 5, () => polluted.map((guarded) => guarded(get())))
    await clock.advance(29_999)
    for (const guarded of polluted) expect(guarded.stats).toMatchObject({ active: 1 })
    await clock.advance(1)
    for (const reply of replies) expect((await soon(reply)).status).toBe(503)
  })

  test.each([
    ['of a value that it cannot have', 'timeoutMs'],
    ['that is unknown', 'unheardOf'],
  ])('one %s, that every object seems to have, is no error', (_, name) => {
    expect(guardsUnder(name, 'never', () => attempt(() => guard(never, {})))).toBe('made')
    expect(guardsUnder(name, 'never', () => attempt(() => guard(never)))).toBe('made')
  })

  test('that have no default are not taken from what every object seems to have', async () => {
    const { clock, options } = observed()
    const guarded = guard(never, { ...options, timeoutMs: 100 })
    const value = () => new Response('from elsewhere')
    Object.defineProperty(Object.prototype, 'timeoutResponse', { value, configurable: true })
    try {
      const reply = guarded(get())
      await clock.advance(100)
      expect(await (await soon(reply)).text()).toContain('HANDLER_TIMEOUT')
    } finally {
      Reflect.deleteProperty(Object.prototype, 'timeoutResponse')
    }
  })

  test('that are getters are read once', async () => {
    let reads = 0
    const { clock } = observed()
    const guarded = guard(never, {
      clock,
      get timeoutMs() {
        return reads++ === 0 ? 5 : -1
      },
    })
    expect(reads).toBe(1)
    const reply = guarded(get())
    await clock.advance(5)
    expect((await soon(reply)).status).toBe(503)
    expect(reads).toBe(1)
  })

  function attempt(make: () => unknown): string {
    try {
      make()
      return 'made'
    } catch (error) {
      return String(error)
    }
  }

  function guardsUnder<T>(name: string, value: unknown, work: () => T): T {
    Object.defineProperty(Object.prototype, name, {
      value,
      configurable: true,
      enumerable: true,
      writable: true,
    })
    try {
      return work()
    } finally {
      Reflect.deleteProperty(Object.prototype, name)
    }
  }
})

test('a source that never finishes being cancelled does not delay the timeout reply', async () => {
  const { clock, options, outcomes } = observed({ buffer: true, timeoutMs: 100 })
  const cancelled: unknown[] = []
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    cancel(reason) {
      cancelled.push(reason)
      return new Promise(() => {})
    },
  })
  const guarded = guard(async () => new Response(body), options)
  const reply = guarded(get())
  await clock.advance(100)
  expect((await soon(reply)).status).toBe(503)
  await clock.advance(0)
  expect(cancelled).toMatchObject([{ code: 'HANDLER_TIMEOUT' }])
  expect(outcomes).toMatchObject([{ kind: 'timed-out' }])
  expect(guarded.stats).toMatchObject({ active: 0, abandoned: 0 })
})

test('what was buffered is sent under its own length', async () => {
  const { options } = observed({ buffer: true })
  const { stream, write, end } = source()
  write('hello')
  end()
  const headers = { 'content-length': '2', 'transfer-encoding': 'chunked' }
  const response = await soon(guard(async () => new Response(stream, { headers }), options)(get()))
  expect(Object.fromEntries(response.headers)).toEqual({ 'content-length': '5' })
  expect(await response.text()).toBe('hello')
})

test('a response that is thrown is handed on as it is, and stays as it was', async () => {
  const { options, outcomes } = observed()
  const denied = new Response(null, { status: 401 })
  const guarded = guard(async () => {
    throw denied
  }, options)
  for (let i = 0; i < 2; i++) expect(await soon(guarded(get()))).toBe(denied)
  expect([...denied.headers]).toEqual([])
  expect(outcomes.map(({ kind, status }) => [kind, status])).toEqual([
    ['completed', 401],
    ['completed', 401],
  ])
})
