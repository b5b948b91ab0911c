import { describe, expect, test } from 'vitest'
import { heldBytes, isGone } from '../test/garbage-collector.ts'
import { reporting } from '../test/reporting.ts'
import {
  countListeners,
  type Deferred,
  deferred,
  FakeClient,
  get,
  observed,
  soon,
  source,
} from '../test/support.ts'
import { attachClient } from './client.ts'
import {
  type Guarded,
  type GuardOptions,
  guard,
  type HandlerResult,
  type OutcomeKind,
  scopeOf,
} from './index.ts'
import { ManualClock } from './manual-clock.ts'

/** As much of a request as a server makes before anybody looks at it. A million native ones would take most of the time. */
class LightRequest {
  readonly method = 'GET'
  readonly url = 'http://localhost/'
  readonly headers = noHeaders

  get signal(): undefined {
    return undefined
  }
}

const noHeaders = new Headers()

const request = (): Request => new LightRequest() as unknown as Request

interface Load {
  readonly guarded: Guarded
  /** So many requests, to their end. */
  serve(count: number): Promise<void>
}

const BATCH = 1_000

/** Bytes that are left of each request: what is loaded and compiled for the first ones is not theirs. */
async function bytesLeft({ serve }: Load, count: number): Promise<number> {
  await serve(count / 10)
  const before = await heldBytes()
  await serve(count)
  return ((await heldBytes()) - before) / count
}

/** Requests one after the other, over the clock of the runtime. */
function oneByOne(
  handler: (request: Request) => HandlerResult | Promise<HandlerResult>,
  options: GuardOptions,
): Load {
  const guarded = guard(handler, options)
  return {
    guarded,
    async serve(count) {
      for (let i = 0; i < count; i++) await guarded(request())
    },
  }
}

/** Requests that are all open at the same time, a batch after the other, over a clock that the test moves. */
function atOnce(
  handler: (request: Request) => HandlerResult | Promise<HandlerResult>,
  options: GuardOptions = {},
  and: (clients: readonly FakeClient[]) => void = () => {},
): Load {
  const { clock } = observed()
  const guarded = guard(handler, { clock, timeoutMs: 100, ...options })
  return {
    guarded,
    async serve(count) {
      for (let served = 0; served < count; served += BATCH) {
        const clients = Array.from({ length: BATCH }, () => new FakeClient())
        const replies = clients.map((client) => {
          const own = request()
          attachClient(own, client)
          return guarded(own)
        })
        and(clients)
        await clock.advance(100)
        for (const reply of replies) await (await reply).body?.cancel()
      }
      await clock.advance(20_000)
    },
  }
}

const response = new Response('hi')

describe('of a million requests', () => {
  test('that are answered nothing is left', { timeout: 120_000 }, async () => {
    const stop = new AbortController()
    const listeners = countListeners(stop.signal)
    const load = oneByOne(async () => response, { timeoutMs: 60_000, shutdown: stop.signal })
    expect(await bytesLeft(load, 1_000_000)).toBeLessThan(1)
    expect(load.guarded.stats).toMatchObject({ active: 0, abandoned: 0, outcomes: { completed: 1_100_000 } })
    expect(listeners()).toBe(1)
  })
})

describe('of 10,000 requests', () => {
  const untilAborted = ({ signal }: Request): Promise<Response> =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  const all: [name: string, kind: OutcomeKind, make: () => Load][] = [
    ['time out', 'timed-out', () => atOnce(untilAborted)],
    [
      'are left by their clients',
      'client-closed',
      () =>
        atOnce(untilAborted, {}, (clients) => {
          for (const client of clients) client.close()
        }),
    ],
    ['fail', 'failed', () => atOnce(() => Promise.reject(new Error('boom')))],
    [
      'are told of',
      'failed',
      () =>
        atOnce(() => Promise.reject(new Error('boom')), {
          onOutcome: async () => {},
          onLateSettlement: () => Promise.reject(new Error('hook')),
        }),
    ],
    [
      'are streamed, under limits, and left',
      'client-closed',
      () => atOnce(async () => new Response(source().stream), { streamIdleMs: 50, streamTotalMs: 1_000 }),
    ],
    [
      'are drained',
      'completed',
      () =>
        atOnce(
          async () => {
            const body = source()
            body.write('all')
            body.end()
            return new Response(body.stream)
          },
          { buffer: true },
        ),
    ],
    [
      'move their deadline',
      'completed',
      () =>
        atOnce(async (own) => {
          scopeOf(own).deadline.set(70)
          scopeOf(own).deadline.extend(5)
          scopeOf(own).deadline.disable()
          return response
        }),
    ],
    [
      'go through steps',
      'completed',
      () =>
        atOnce(async (own) => {
          await scopeOf(own).step({ maxMs: 50 }, async ({ signal }) => void signal.aborted)
          return response
        }),
    ],
    ['pass two guards', 'completed', () => atOnce(guard(async () => response, { timeoutMs: 50 }))],
    ['are refused', 'rejected', () => atOnce(untilAborted, { maxConcurrent: 1, onShedding: () => {} })],
    [
      'are reported',
      'failed',
      () => {
        const { reporter, clock } = reporting({ maxPerMinute: 10 })
        return atOnce(() => Promise.reject(new Error('boom')), { reporter, clock })
      },
    ],
  ]

  test.each(all)('that %s nothing is left', { timeout: 60_000 }, async (_, kind, make) => {
    const load = make()
    expect(await bytesLeft(load, 10_000)).toBeLessThan(150)
    expect(load.guarded.stats.outcomes[kind]).toBeGreaterThan(10_000)
  })
})

describe('a handler that never settles', () => {
  const ways = ['deadline', 'client', 'shutdown', 'escape', 'already over'] as const
  /** What its own code throws holds on to that code. */
  const escaped = new Error('escaped')
  const guards: [name: string, options: GuardOptions][] = [
    ['alone', {}],
    ['with an outcome that somebody is told', { onOutcome: () => {} }],
    ['with a response that is to be drained', { buffer: true }],
    ['with a waitUntil()', { waitUntil: () => {} }],
    ['with reports', reporting().options],
  ]

  /** One request that has ended, and its handler's promise; the handler itself holds nothing. */
  async function abandoned(way: (typeof ways)[number], options: GuardOptions) {
    const clock = (options.clock as ManualClock) ?? new ManualClock()
    const stop = new AbortController()
    const never = new Promise<Response>(() => {})
    const ends = {
      deadline: () => {},
      client: (client: FakeClient) => client.close(),
      shutdown: () => stop.abort(),
    }
    const guarded = guard(
      (own: Request) => {
        const scope = scopeOf(own)
        scope.response.write('written').headers.set('x-written', 'yes')
        void own.signal
        scope.deadline.set(50)
        if (way === 'already over') stop.abort()
        if (way === 'escape') queueMicrotask(() => void scope.escaped(escaped))
        return never
      },
      { clock, timeoutMs: 100, shutdown: stop.signal, ...options },
    )
    const own = get('/', { method: 'POST', body: new Uint8Array(1024) })
    const client = new FakeClient()
    attachClient(own, client)
    const reply = guarded(own) as Promise<Response>
    if (way in ends) ends[way as keyof typeof ends](client)
    await clock.advance(50)
    const sent = await soon(reply)
    const parts = {
      request: own,
      scope: scopeOf(own),
      written: scopeOf(own).response,
      client,
      sent,
    }
    const refs = Object.entries(parts).map(([name, part]) => [name, new WeakRef<object>(part)] as const)
    await clock.advance(1_000)
    return { refs, never, guarded }
  }

  describe.each(guards)('%s', (_, options) => {
    test.each(ways)('holds neither the request nor a response once that is over: %s', async (way) => {
      const { refs, never, guarded } = await abandoned(way, options)
      for (const [name, ref] of refs) expect([name, await isGone(ref)]).toEqual([name, true])
      expect(guarded.stats.abandoned).toBe(way === 'escape' ? 0 : 1)
      expect(never).toBeInstanceOf(Promise)
    })
  })

  test('that is counted, when it settles after all', async () => {
    const { clock } = observed()
    const works: Deferred<Response>[] = []
    const reasons: unknown[] = []
    const guarded = guard(
      ({ signal }) => {
        signal.addEventListener('abort', () => reasons.push(signal.reason))
        const work = deferred<Response>()
        works.push(work)
        return work.promise
      },
      { clock, timeoutMs: 50 },
    )
    const replies = Array.from({ length: 5 }, () => guarded(get()))
    await clock.advance(50)
    await Promise.all(replies)
    expect(guarded.stats).toMatchObject({ abandoned: 5, late: { completed: 0 } })
    const { stream, cancelled } = source()
    works[0]!.resolve(new Response(stream))
    works[1]!.reject(new Error('late'))
    works[2]!.reject(Object.assign(new Error('aborted'), { name: 'AbortError' }))
    works[3]!.reject(reasons[3])
    works[4]!.reject(new Error('wrapped', { cause: reasons[4] }))
    await clock.advance(0)
    expect(guarded.stats).toMatchObject({ abandoned: 0, late: { completed: 1, failed: 1, cancelled: 3 } })
    expect(cancelled).toMatchObject([{ code: 'HANDLER_TIMEOUT' }])
  })

  test('holds the request for who is told when it settles, but nothing of what it wrote', async () => {
    const { refs, never } = await abandoned('deadline', { onLateSettlement: () => {} })
    const held = new Map(refs)
    expect(await isGone(held.get('sent')!)).toBe(true)
    const own = held.get('request')!.deref() as Request
    expect(await scopeOf(own).response.toResponse().text()).toBe('')
    expect(never).toBeInstanceOf(Promise)
  })
})
