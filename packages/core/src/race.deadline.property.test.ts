import fc from 'fast-check'
import { expect, test } from 'vitest'
import { tryOften } from '../test/runs.ts'
import { FakeClient, get, never, observed } from '../test/support.ts'
import { attachClient } from './client.ts'
import { guard, scopeOf } from './index.ts'

// By which lists and ticks a race waits for its deadline is its own affair: it strikes at the instant that was said last.

const ms = fc.constantFrom(1, 3, 9, 10, 11, 25)
const change = fc.constantFrom(
  'set',
  'extend',
  'disable',
  'read signal',
  'join a guard',
  'join one with inbound',
)
const deed = fc.record({ do: change, ms })
const step = fc.oneof({ weight: 2, arbitrary: deed }, fc.record({ do: fc.constant('pass'), ms }))

const plan = fc.record({
  timeoutMs: fc.constantFrom<number | false>(1, 5, 9, 10, 11, 30, false),
  queuedMs: fc.constantFrom(0, 0, 1, 8),
  inboundMs: fc.constantFrom(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 20),
  watch: fc.constantFrom<'lazy' | 'eager'>('lazy', 'eager'),
  client: fc.constantFrom('none', 'cheap', 'costly'),
  /** How long somebody else has been on the lists before. */
  afterMs: fc.constantFrom(0, 0, 2, 7),
  first: fc.array(deed, { maxLength: 2 }),
  steps: fc.array(step, { maxLength: 8 }),
})

type Plan = typeof plan extends fc.Arbitrary<infer Value> ? Value : never

async function check({ timeoutMs, queuedMs, inboundMs, watch, client, afterMs, first, steps }: Plan) {
  const limitMs = Math.min(timeoutMs === false ? Number.POSITIVE_INFINITY : timeoutMs, inboundMs)
  // It is refused.
  if (limitMs <= queuedMs) return
  const { clock, options } = observed()
  const request = get()
  let struckAt: number | undefined
  const abortedAt: number[] = []
  const app = guard(
    (each: Request) => {
      if (each === request) for (const deed of first) act(deed)
      return never()
    },
    {
      ...options,
      timeoutMs,
      watch,
      timeoutResponse: (_outcome, struck) => {
        if (struck === request) struckAt = clock.now()
        return 'late'
      },
      ...(queuedMs > 0 && { receivedAt: () => clock.epochNow() - queuedMs }),
      ...(inboundMs < Number.POSITIVE_INFINITY && { inbound: () => inboundMs }),
    },
  )
  void app(get())
  await clock.advance(afterMs)
  if (client !== 'none') attachClient(request, new FakeClient({ cheap: client === 'cheap' }))
  const startedAt = clock.now() - queuedMs
  let latest = startedAt + inboundMs
  let due = startedAt + limitMs

  function act({ do: what, ms }: { do: string; ms: number }): void {
    const scope = scopeOf(request)
    const fromNow = clock.now() + ms
    if (what === 'read signal') scope.signal.addEventListener('abort', () => abortedAt.push(clock.now()))
    if (what === 'set') scope.deadline.set(ms)
    if (what === 'extend') scope.deadline.extend(ms)
    if (what === 'disable') scope.deadline.disable()
    if (what === 'join a guard') void guard(never, { timeoutMs: ms })(request)
    if (what === 'join one with inbound') void guard(never, { inbound: () => ms })(request)

    if (what === 'set' || what === 'join a guard') due = fromNow
    if (what === 'extend') due += ms
    if (what === 'disable') due = Number.POSITIVE_INFINITY
    if (what === 'join one with inbound') latest = Math.min(latest, fromNow)
    due = Math.min(due, latest)
  }

  void app(request)
  for (const step of [...steps, { do: 'pass', ms: 500 }]) {
    if (step.do === 'pass') await clock.advance(step.ms)
    else act(step)
    if (due > clock.now()) expect(struckAt).toBeUndefined()
    else break
  }
  expect(struckAt).toBe(due === Number.POSITIVE_INFINITY ? undefined : due)
  for (const instant of abortedAt) expect(instant).toBe(due)
}

test('a deadline strikes when it is due, never before and never after, wherever it has been moved to', async () => {
  await tryOften(500, fc.asyncProperty(plan, check))
})
