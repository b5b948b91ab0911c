import { expect, test } from 'vitest'
import { deferred, FakeClient, get, never, observed } from '../test/support.ts'
import { attachClient } from './client.ts'
import { guard } from './index.ts'

test('a new guard has counted nothing', () => {
  expect(guard(never).stats).toEqual({
    active: 0,
    abandoned: 0,
    escaped: 0,
    outcomes: { completed: 0, 'timed-out': 0, 'client-closed': 0, failed: 0, rejected: 0 },
    refused: { expired: 0, malformed: 0, overloaded: 0, shutdown: 0 },
    late: { completed: 0, failed: 0, cancelled: 0 },
    inboundIgnored: 0,
    receivedAtIgnored: 0,
    lateWrites: 0,
    hookFailures: 0,
    hooksPending: 0,
    hooksDropped: 0,
  })
})

test('the numbers are live', () => {
  const guarded = guard(never)
  const live = guarded.stats
  void guarded(get())
  expect(live.active).toBe(1)
  expect(guarded.stats).toBe(live)
})

test('each request is counted under its ending, and as active until then', async () => {
  const { options, clock } = observed({ timeoutMs: 100 })
  const works = new Map<string, ReturnType<typeof deferred<Response>>>()
  const guarded = guard((request: Request) => {
    const work = deferred<Response>()
    works.set(new URL(request.url).pathname, work)
    return work.promise
  }, options)
  const leaving = get('/leaves')
  const client = new FakeClient()
  attachClient(leaving, client)
  const paths = ['/answers', '/throws', '/slow', '/stuck']
  for (const path of paths) void guarded(get(path))
  void guarded(leaving)
  expect(guarded.stats).toMatchObject({ active: 5, abandoned: 0 })

  works.get('/answers')?.resolve(new Response())
  works.get('/throws')?.reject(new Error('boom'))
  await clock.advance(0)
  expect(guarded.stats).toMatchObject({ active: 3, abandoned: 0 })

  client.close()
  expect(guarded.stats).toMatchObject({ active: 2, abandoned: 1 })

  await clock.advance(100)
  expect(guarded.stats).toMatchObject({ active: 0, abandoned: 3 })

  works.get('/slow')?.resolve(new Response())
  works.get('/leaves')?.reject(Object.assign(new Error('stop'), { name: 'AbortError' }))
  works.get('/stuck')?.reject(new Error('late'))
  await clock.advance(0)
  expect(guarded.stats).toMatchObject({
    active: 0,
    abandoned: 0,
    outcomes: { completed: 1, 'timed-out': 2, 'client-closed': 1, failed: 1, rejected: 0 },
    late: { completed: 1, failed: 1, cancelled: 1 },
  })
})

test('a handler that threw, or answered, is never abandoned', async () => {
  const { options, clock } = observed()
  const guarded = guard((request: Request): Promise<Response> => {
    if (request.url.endsWith('/throw')) return Promise.reject(new Error('boom'))
    return Promise.resolve(new Response())
  }, options)
  void guarded(get('/throw'))
  void guarded(get('/answer'))
  await clock.advance(0)
  expect(guarded.stats).toMatchObject({ active: 0, abandoned: 0, outcomes: { completed: 1, failed: 1 } })
})
