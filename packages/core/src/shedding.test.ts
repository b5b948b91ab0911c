import { describe, expect, test } from 'vitest'
import { deferred, get, observed } from '../test/support.ts'
import { type GuardOptions, guard, type Shedding } from './index.ts'

/** A guard whose handlers answer when the test says so. */
function busy(limits: GuardOptions) {
  const told: Shedding[] = []
  const { options, clock, outcomes } = observed({
    ...limits,
    onShedding: (shedding) => void told.push(shedding),
  })
  const work = deferred<Response>()
  const guarded = guard(() => work.promise.then((response) => response.clone()), options)
  return { guarded, clock, outcomes, told, finish: () => work.resolve(new Response('done')) }
}

describe('onShedding', () => {
  test('hears of the first request that is refused, and of the end of it', async () => {
    const { guarded, clock, told, finish } = busy({ maxConcurrent: 1 })
    const first = guarded(get())
    await clock.advance(10)
    expect(told).toEqual([])
    void guarded(get())
    await clock.advance(50)
    expect(told).toEqual([{ kind: 'started', limit: 'maxConcurrent', refused: 1, elapsedMs: 0 }])
    void guarded(get())
    finish()
    await first
    await clock.advance(999)
    expect(told).toHaveLength(1)
    await clock.advance(1)
    expect(told[1]).toEqual({ kind: 'stopped', limit: 'maxConcurrent', refused: 2, elapsedMs: 50 })
    expect(guarded.stats.refused).toEqual({ expired: 0, malformed: 0, overloaded: 2, shutdown: 0 })
    expect(clock.pending).toBe(0)
  })

  test('does not take the quiet for the end while there is no room', async () => {
    const { guarded, clock, told, finish } = busy({ maxAbandoned: 1, timeoutMs: 100 })
    void guarded(get())
    await clock.advance(100)
    expect((await guarded(get())).headers.get('retry-after')).toBe('1')
    await clock.advance(60_000)
    expect(told).toMatchObject([{ kind: 'started', limit: 'maxAbandoned' }])
    finish()
    await clock.advance(1_000)
    expect(told).toMatchObject([{ kind: 'started' }, { kind: 'stopped', limit: 'maxAbandoned', refused: 1 }])
  })

  test('hears of it again when it comes again', async () => {
    const { guarded, clock, told } = busy({ maxConcurrent: 1, timeoutMs: 100 })
    for (let time = 0; time < 2; time++) {
      void guarded(get())
      void guarded(get())
      await clock.advance(5_000)
    }
    expect(told.map(({ kind, refused }) => [kind, refused])).toEqual([
      ['started', 1],
      ['stopped', 1],
      ['started', 1],
      ['stopped', 1],
    ])
  })

  test('is not told of other refusals', async () => {
    const { guarded, clock, told } = busy({ maxConcurrent: 1, inbound: () => 0 })
    void guarded(get())
    await clock.advance(5_000)
    expect(told).toEqual([])
    expect(guarded.stats.refused).toMatchObject({ expired: 1, overloaded: 0 })
  })
})
