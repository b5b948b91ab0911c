import fc from 'fast-check'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { deferred, FakeClient, get, observed, soon, source, watchedRequest } from '../test/support.ts'
import { attachClient } from './client.ts'
import { type GuardOptions, guard, type HandlerResult, type Outcome, scopeOf } from './index.ts'

/** What may happen while the handler has not even returned. */
const inside = fc.constantFrom('close', 'shut down', 'read signal', 'write', 'disable', 'set 7', 'extend 9')

/** What may happen at any time. */
const action = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('wait 1', 'wait 4', 'wait 10', 'wait 25', 'block 30') },
  { weight: 3, arbitrary: inside },
  fc.constantFrom(
    'answer text',
    'answer stream',
    'answer nothing',
    'throw',
    'throw AbortError',
    'throw reason',
  ),
  fc.constantFrom('escape', 'escape AbortError'),
  fc.constantFrom('deliver', 'break', 'write body', 'end body', 'break body', 'read', 'stop reading'),
)

const script = fc.record({
  client: fc.constantFrom('signal', 'cheap', 'costly', 'cheap, tells delivery', 'costly, tells delivery'),
  timeoutMs: fc.constantFrom<number | false>(3, 10, 30, false),
  streamTotalMs: fc.constantFrom<number | false>(false, 20),
  buffer: fc.boolean(),
  watch: fc.constantFrom<'lazy' | 'eager'>('lazy', 'eager'),
  nested: fc.boolean(),
  hooks: fc.constantFrom('fine', 'throw', 'reject', 'hang'),
  first: fc.array(inside, { maxLength: 2 }),
  later: fc.array(action, { maxLength: 10 }),
})

type Script = typeof script extends fc.Arbitrary<infer Value> ? Value : never

/** Lets one request live through a script, and everything come to its end. */
async function play({ client: kind, hooks, nested, first, later, ...given }: Script) {
  const told: string[] = []
  const tell = (what: string): unknown => {
    told.push(what)
    if (hooks === 'throw') throw new Error('hook')
    if (hooks === 'reject') return Promise.reject(new Error('hook'))
    return hooks === 'hang' ? new Promise(() => {}) : undefined
  }
  const outcomes: Outcome[] = []
  const stop = new AbortController()
  const { clock, options } = observed({
    ...given,
    shutdown: stop.signal,
    onOutcome: (outcome) => {
      outcomes.push(outcome)
      return tell('outcome')
    },
    onLateSettlement: ({ kind, escaped }) => tell(escaped ? 'escaped' : `late ${kind}`),
  } satisfies GuardOptions)

  const watched = watchedRequest()
  const { request } = kind === 'signal' ? watched : { request: get() }
  const client = new FakeClient({ cheap: !kind.includes('costly'), tellsDelivery: kind.includes('delivery') })
  if (kind !== 'signal') attachClient(request, client)

  const work = deferred<HandlerResult>()
  const body = source()
  const streamed = new Response(body.stream)
  let written = true
  let sent: Response | undefined
  let replied = false
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined
  let signalRead = false
  let toldOfDelivery = false

  function once(tellIt: () => void): void {
    if (!client.tellsDelivery || toldOfDelivery || !replied || sent?.status === 499) return
    toldOfDelivery = true
    tellIt()
  }

  function writeBody(act: () => void): void {
    try {
      act()
    } catch {
      written = false
    }
  }

  async function act(what: string): Promise<void> {
    const scope = scopeOf(request)
    const [verb, number] = what.split(' ')
    if (verb === 'wait') await clock.advance(Number(number))
    else if (verb === 'block') clock.block(Number(number))
    else if (verb === 'set') scope.deadline.set(Number(number))
    else if (verb === 'extend') scope.deadline.extend(Number(number))
    else if (verb === 'disable') scope.deadline.disable()
    else if (what === 'shut down') stop.abort()
    else if (what === 'close') {
      if (kind === 'signal') watched.close('aborted')
      else if (!toldOfDelivery) client.close()
      toldOfDelivery = true
    } else if (what === 'read signal') {
      // After a failure there is nothing left to follow the client for.
      if (scope.outcome?.kind === 'failed') return
      signalRead = true
      void request.signal.aborted
    } else if (what === 'write') {
      try {
        scope.response.write('x')
      } catch (error) {
        expect(scope.outcome).toBeDefined()
        expect(error).toBe(scope.reason ?? error)
      }
    } else if (what === 'answer text') work.resolve(new Response('hello'))
    else if (what === 'answer stream') work.resolve(streamed)
    else if (what === 'answer nothing') work.resolve(undefined)
    else if (what === 'throw') work.reject(new Error('boom'))
    else if (what === 'throw AbortError') work.reject(Object.assign(new Error(), { name: 'AbortError' }))
    else if (what === 'throw reason') work.reject(scope.reason ?? new Error('boom'))
    else if (what === 'escape') scope.escaped(new Error('escaped'))
    else if (what === 'escape AbortError') {
      scope.escaped(Object.assign(new Error(), { name: 'AbortError' }))
    } else if (what === 'deliver') once(() => client.deliver())
    else if (what === 'break') once(() => client.break(new Error('broke')))
    else if (what === 'write body') writeBody(() => body.write('chunk'))
    else if (what === 'end body') writeBody(body.end)
    else if (what === 'break body') writeBody(() => body.fail(new Error('body')))
    else if (sent?.body) {
      reader ??= sent.body.getReader()
      if (what === 'read') reader.read().catch(() => {})
      else reader.cancel('enough').catch(() => {})
    }
  }

  const handler = (own: Request): Promise<HandlerResult> => {
    for (const what of first) void act(what)
    expect(own).toBe(request)
    return work.promise
  }
  const route = guard(handler, { ...options, shutdown: undefined as never })
  const app = guard(nested ? (own: Request) => route(own) : handler, options)
  const reply = Promise.resolve(app(request)).then((response) => {
    sent = response
    replied = true
    return response
  })
  for (const what of later) await act(what)

  // Whatever has not come to its end does so now.
  work.resolve(new Response('hello'))
  if (written) writeBody(body.end)
  await clock.advance(0)
  const response = await soon(reply)
  if (response?.body && !response.body.locked) reader = response.body.getReader()
  for (let i = 0; reader && i < 30; i++) {
    if (
      await reader.read().then(
        ({ done }) => done,
        () => true,
      )
    )
      break
  }
  once(() => client.deliver())
  await clock.advance(100)

  const watchers = kind === 'signal' ? watched.listeners() : client.watchers
  const scope = scopeOf(request)
  return { told, outcomes, clock, app, route, nested, response, watchers, signalRead, client, scope }
}

function check({
  told,
  outcomes,
  clock,
  app,
  route,
  nested,
  response,
  ...rest
}: Awaited<ReturnType<typeof play>>) {
  const { watchers, signalRead, client, scope } = rest
  const guards = nested ? [app, route] : [app]
  const endings = told.filter((what) => what === 'outcome')
  const late = told.filter((what) => what.startsWith('late'))

  expect(endings).toHaveLength(guards.length)
  expect([0, guards.length]).toContain(late.length)
  expect(told.slice(0, guards.length)).toEqual(endings)
  expect(new Set(outcomes).size).toBe(1)
  const outcome = outcomes[0]!
  expect(scope.outcome).toBe(outcome)

  for (const { stats } of guards) {
    expect(stats).toMatchObject({ active: 0, abandoned: 0 })
    expect(stats.outcomes[outcome.kind]).toBe(1)
    expect(Object.values(stats.outcomes).reduce((sum, n) => sum + n)).toBe(1)
    expect(Object.values(stats.late).reduce((sum, n) => sum + n)).toBe(late.length / guards.length)
  }

  const escaped = told.filter((what) => what === 'escaped').length / guards.length
  const ended = 'escaped' in outcome ? 1 : 0
  for (const { stats } of guards) expect(stats.escaped).toBe(escaped + ended)

  const follows = outcome.kind === 'completed' && signalRead && !client.tellsDelivery
  expect(watchers).toBeLessThanOrEqual(follows ? 1 : 0)
  // A hook that hangs has a timer of its own.
  const hanging = guards.reduce((sum, { stats }) => sum + stats.hooksPending, 0)
  expect(clock.pending).toBe(hanging)

  const { code } = scope.reason ?? {}
  if (outcome.kind === 'timed-out' && outcome.phase === 'handling') {
    expect([response?.status, code]).toEqual([503, 'HANDLER_TIMEOUT'])
  } else if (outcome.kind === 'timed-out') expect(code).toBe('STREAM_TIMEOUT')
  else if (outcome.kind === 'client-closed') {
    expect(code).toBe('CLIENT_CLOSED')
    expect(response?.status === 499).toBe(outcome.phase === 'handling')
  } else expect(response?.status ?? 101).toBe(outcome.status)
}

beforeEach(() => {
  vi.spyOn(console, 'error').mockImplementation(() => {})
})

afterEach(() => {
  vi.restoreAllMocks()
})

test('whatever happens, and in whatever order, a request has one ending and leaves nothing behind', async () => {
  // Many at the same time, for a clock that lets promises settle spends its time waiting.
  const scripts = fc.array(script, { minLength: 1, maxLength: 100, size: 'max' })
  await fc.assert(
    fc.asyncProperty(scripts, async (all) => {
      const played = await Promise.all(all.map(play))
      for (const each of played) check(each)
    }),
    { numRuns: 6 },
  )
})
