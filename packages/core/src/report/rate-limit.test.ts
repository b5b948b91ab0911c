import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { reporting } from '../../test/reporting.ts'
import { get } from '../../test/support.ts'
import { guard } from '../index.ts'
import { ManualClock } from '../manual-clock.ts'
import type { ReporterOptions } from '../report.ts'
import { RateLimit } from './rate-limit.ts'

function scene(options: Partial<ReporterOptions>) {
  const { options: given, ...watched } = reporting({ dedupeMs: false, ...options })
  const guarded = guard((request) => {
    throw new Error(new URL(request.url).pathname.slice(1))
  }, given)
  return {
    ...watched,
    async fail(...messages: string[]): Promise<void> {
      for (const message of messages) void guarded(get(`/${message}`))
      await watched.made()
    },
    told: () => watched.reports.map(({ error, count }) => `${error!.message} ${count}`),
  }
}

describe('maxPerMinute', () => {
  test('lets so many pass at once, drops and counts what is more, and lets others pass as time goes by', async () => {
    const { fail, told, clock, reporter } = scene({ maxPerMinute: 2 })
    await fail('a', 'b', 'c', 'd')
    expect(told()).toEqual(['a 1', 'b 1'])
    expect(reporter.stats).toMatchObject({ reported: 2, limited: 2 })
    await clock.advance(29_999)
    await fail('e')
    expect(told()).toHaveLength(2)
    await clock.advance(1)
    await fail('f', 'g')
    expect(told()).toEqual(['a 1', 'b 1', 'f 1'])
    await clock.advance(600_000)
    await fail('h', 'i', 'j')
    expect(told()).toEqual(['a 1', 'b 1', 'f 1', 'h 1', 'i 1'])
    expect(reporter.stats).toMatchObject({ reported: 5, limited: 5, dropped: 0 })
  })

  test('counts no repeats, neither those that are counted nor their counts', async () => {
    const { fail, told, reporter, clock } = scene({ maxPerMinute: 1, dedupeMs: 1_000 })
    await fail('a', 'a', 'a')
    await clock.advance(1_000)
    expect(told()).toEqual(['a 1', 'a 2'])
    expect(reporter.stats).toMatchObject({ reported: 2, repeated: 2, limited: 0 })
  })

  test('leaves a crash that it drops to be told whole another time', async () => {
    const { fail, told, reporter, clock } = scene({ maxPerMinute: 1, dedupeMs: 600_000 })
    await fail('a', 'b', 'b')
    expect(reporter.stats).toMatchObject({ reported: 1, repeated: 0, limited: 2 })
    await clock.advance(60_000)
    await fail('b', 'b')
    expect(told()).toEqual(['a 1', 'b 1'])
    expect(reporter.stats).toMatchObject({ reported: 2, repeated: 1, limited: 2 })
  })

  test('is 60 where nothing is said, and may be unlimited', async () => {
    const many = Array.from({ length: 61 }, () => 'a')
    const [usual, unlimited] = [scene({}), scene({ maxPerMinute: Number.POSITIVE_INFINITY })]
    await Promise.all([usual.fail(...many), unlimited.fail(...many)])
    expect(usual.reporter.stats).toMatchObject({ reported: 60, limited: 1 })
    expect(unlimited.reporter.stats).toMatchObject({ reported: 61, limited: 0 })
  })
})

test('never do more pass than fit into the time, and never fewer where enough are asked for', async () => {
  const steps = fc.array(fc.integer({ min: 0, max: 90_000 }), { minLength: 1, maxLength: 50 })
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1_000 }), steps, (perMinute, waits) => {
      const clock = new ManualClock()
      const rate = new RateLimit(clock, perMinute)
      const passed: number[] = []
      for (const wait of waits) {
        clock.block(wait)
        let taken = 0
        while (rate.take()) {
          taken++
          passed.push(clock.now())
        }
        expect(taken).toBeLessThanOrEqual(perMinute)
        if (wait >= 60_000) expect(taken).toBe(perMinute)
      }
      // In any stretch: those that are saved up, and those that come with the time.
      for (const from of new Set(passed)) {
        const inside = passed.filter((at) => at >= from)
        const stretch = inside.at(-1)! - from
        expect(inside.length).toBeLessThanOrEqual(perMinute + (stretch / 60_000) * perMinute + 1e-6)
      }
    }),
    { numRuns: 50 },
  )
})
