import { describe, expect, test } from 'vitest'
import { FakeClient, get, observed } from '../test/support.ts'
import { attachClient } from './client.ts'
import { Deferred } from './deferred.ts'
import { type GuardOptions, guard, type HandlerResult, type Outcome, scopeOf } from './index.ts'

/** A request whose handler says by a call how it settles, and what its client was told is sent. */
function exchange(options: GuardOptions, work = new Deferred()) {
  const request = get()
  const told: [outcome: Outcome, reply: Response | undefined][] = []
  const sending = (...each: (typeof told)[number]): void => void told.push(each)
  attachClient(request, Object.assign(new FakeClient(), { sending }))
  const guarded = guard(() => work as unknown as HandlerResult, options)
  return { request, work, told, stats: guarded.stats, result: guarded(request) }
}

describe('a handler that settles by a call', () => {
  test('has its response told to the client at once, and to nobody else', () => {
    const { options } = observed()
    const { work, told, result } = exchange(options)
    const response = new Response('hello')
    expect(told).toEqual([])
    work.resolve(response)
    expect(result).toBeUndefined()
    expect(told).toEqual([[expect.objectContaining({ kind: 'completed' }), response]])
  })

  test('settles once', () => {
    const { options } = observed()
    const { work, told, stats } = exchange(options)
    work.resolve(new Response('first'))
    work.resolve(new Response('second'))
    work.reject(new Error('third'))
    expect(told).toHaveLength(1)
    expect(stats).toMatchObject({ active: 0, abandoned: 0, late: { completed: 0, failed: 0, cancelled: 0 } })
  })

  test('fails', async () => {
    const { options, outcomes, clock } = observed()
    const { work, told } = exchange(options)
    const error = new Error('No such article')
    work.reject(error)
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'failed', phase: 'handling', status: 500, error }])
    expect(told).toMatchObject([[outcomes[0], { status: 500 }]])
  })

  test('is late once the deadline has struck, whatever it says then', async () => {
    const { options, outcomes, late, clock } = observed({ timeoutMs: 100 })
    const { request, work, told, stats } = exchange(options)
    await clock.advance(100)
    expect(scopeOf(request).signal.aborted).toBe(true)
    expect(outcomes).toMatchObject([{ kind: 'timed-out', status: 503 }])
    expect(stats.abandoned).toBe(1)
    await clock.advance(50)
    work.resolve(new Response('late'))
    await clock.advance(0)
    expect(told).toMatchObject([[outcomes[0], { status: 503 }]])
    expect(late).toMatchObject([{ kind: 'completed', afterMs: 50 }])
    expect(stats.abandoned).toBe(0)
    expect(clock.pending).toBe(0)
  })

  test('is abandoned if the request had ended before it returned', async () => {
    const { options, late } = observed()
    const stop = new AbortController()
    const work = new Deferred()
    const guarded = guard(
      () => {
        stop.abort()
        return work as unknown as HandlerResult
      },
      { ...options, shutdown: stop.signal },
    )
    guarded(get())
    expect(guarded.stats.abandoned).toBe(1)
    work.reject(new Error('late'))
    await observed().clock.advance(0)
    expect(late).toMatchObject([{ kind: 'failed' }])
  })

  test('is kept alive by waitUntil as a promise would be', async () => {
    const kept: Promise<unknown>[] = []
    const waitUntil = (work: Promise<unknown>): void => void kept.push(work)
    const { options, clock } = observed({ timeoutMs: 100, waitUntil })
    const { work } = exchange(options)
    await clock.advance(100)
    expect(kept).toHaveLength(1)
    let isDone = false
    void kept[0]!.then(() => {
      isDone = true
    })
    await clock.advance(50)
    expect(isDone).toBe(false)
    work.resolve()
    await clock.advance(0)
    expect(isDone).toBe(true)
  })

  test('says nothing to anybody before it has been returned', () => {
    const { options } = observed()
    const work = new Deferred()
    work.resolve(new Response('too early'))
    const { told } = exchange(options, work)
    expect(told).toEqual([])
  })
})
