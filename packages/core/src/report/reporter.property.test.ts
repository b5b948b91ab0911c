import fc from 'fast-check'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { expectPlain, reporting } from '../../test/reporting.ts'
import { get, never } from '../../test/support.ts'
import { guard } from '../index.ts'
import type { Hook } from '../report.ts'

const action = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('fail a', 'fail b', 'fail c', 'answer', 'cannot be told') },
  { weight: 2, arbitrary: fc.constantFrom('burst a', 'burst b') },
  { weight: 3, arbitrary: fc.constantFrom('turn', 'wait 400', 'wait 1000', 'wait 70000') },
  fc.constantFrom('flush', 'flush 300'),
)

const script = fc.record({
  dedupeMs: fc.constantFrom<number | false>(false, 500, 60_000),
  maxPerMinute: fc.constantFrom(1, 3, Number.POSITIVE_INFINITY),
  maxQueued: fc.constantFrom(6, 1_000),
  hooks: fc.array(
    fc.constantFrom('fine', 'throw', 'reject', 'hang', 'reject late', 'flush throws', 'flush hangs'),
    {
      maxLength: 3,
    },
  ),
  actions: fc.array(action, { minLength: 1, maxLength: 15 }),
})

type Script = typeof script extends fc.Arbitrary<infer Value> ? Value : never

function raise(): never {
  throw new Error('hook')
}

function hook(what: string): Hook {
  if (what === 'flush throws') return { name: what, fire: () => {}, flush: raise }
  if (what === 'flush hangs') return { name: what, fire: () => {}, flush: never }
  return {
    name: what,
    fire(_, { signal }) {
      if (what === 'throw') return raise()
      if (what === 'reject') return Promise.reject(new Error('hook'))
      if (what === 'hang') return never()
      if (what === 'reject late')
        return new Promise((_, reject) =>
          signal.addEventListener('abort', () => setTimeout(reject, 0, 'late')),
        )
      return undefined
    },
  }
}

/** Lets a reporter live through a script, and come to its end. */
async function play({ hooks, actions, ...given }: Script) {
  const { options, clock, reporter, reports, made } = reporting({
    ...given,
    hooks: hooks.map(hook),
    hookTimeoutMs: 2_000,
  })
  const guarded = guard((request) => {
    const what = new URL(request.url).pathname.slice(1)
    if (what === 'answer') return new Response()
    throw new Error(what)
  }, options)
  let incidents = 0
  const send = (what: string): void => {
    if (what !== 'answer') incidents++
    const request = get(`/${what}`)
    void guarded(request)
    if (what === 'untold') Object.defineProperty(request, 'method', { get: raise })
  }
  const flushes: Promise<boolean>[] = []

  for (const what of actions) {
    const [verb, detail] = what.split(' ')
    if (verb === 'fail') send(detail!)
    else if (verb === 'burst') for (let i = 0; i < 5; i++) send(detail!)
    else if (verb === 'cannot') send('untold')
    else if (verb === 'answer') send('answer')
    else if (verb === 'turn') await made()
    else if (verb === 'wait') await clock.advance(Number(detail))
    else flushes.push(reporter.flush({ timeoutMs: Number(detail ?? 1_000) }))
  }

  await made()
  flushes.push(reporter.flush({ timeoutMs: 3_000 }))
  await clock.advance(3_000)
  await made()
  return { clock, reporter, reports, incidents, flushed: await Promise.all(flushes), hooks }
}

function check({
  clock,
  reporter,
  reports,
  incidents,
  flushed,
  hooks,
}: Awaited<ReturnType<typeof play>>): void {
  const { reported, repeated, limited, dropped, failed, pending, hooks: each } = reporter.stats
  expect(pending).toBe(0)
  const counts = reports.filter(({ repeatOf }) => repeatOf !== undefined)
  const whole = reports.filter(({ repeatOf }) => repeatOf === undefined)

  expect(whole.length + repeated + limited + dropped + failed).toBe(incidents)
  expect(counts.reduce((sum, { count }) => sum + count, 0)).toBe(repeated)
  expect(reports).toHaveLength(reported)
  for (const stats of Object.values(each))
    expect(stats.delivered + stats.dropped).toBeLessThanOrEqual(reported)
  for (const { name, stats } of hooks.map((name) => ({ name, stats: each[name]! }))) {
    if (!name.startsWith('flush')) expect(stats.delivered + stats.failed + stats.dropped).toBe(reported)
    expect(stats.pending).toBe(0)
  }

  const told = new Set<string>()
  for (const { id, repeatOf, count } of reports) {
    expect(told.has(id)).toBe(false)
    if (repeatOf === undefined) expect(count).toBe(1)
    else expect(told.has(repeatOf)).toBe(true)
    told.add(id)
  }
  expect(flushed.at(-1)).toBe(!hooks.some((name) => name.startsWith('flush')))
  expect(clock.pending).toBe(0)
  reports.forEach(expectPlain)
}

const unhandled: unknown[] = []
const note = (reason: unknown): void => void unhandled.push(reason)

beforeEach(() => {
  vi.spyOn(console, 'error').mockImplementation(() => {})
  process.on('unhandledRejection', note)
})

afterEach(() => {
  vi.restoreAllMocks()
  process.off('unhandledRejection', note)
})

test('whatever happens, and in whatever order, each incident is in the books once, and nothing is left', async () => {
  const scripts = fc.array(script, { minLength: 1, maxLength: 60, size: 'max' })
  await fc.assert(
    fc.asyncProperty(scripts, async (all) => {
      const played = await Promise.all(all.map(play))
      for (const each of played) check(each)
    }),
    { numRuns: 5 },
  )
  expect(unhandled).toEqual([])
})
