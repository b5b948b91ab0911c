import type { Shedding } from '@curfew/core'
import { expect, test } from 'vitest'
import { deferred, fetched, Journal, protocols, start } from '../test/support.ts'

test.each(protocols)(
  'maxConcurrent over %s: who is let in is answered, the others at once, too',
  async (protocol) => {
    const work = deferred<void>()
    const begun = new Journal<string>()
    const shedding = new Journal<Shedding>()
    const { port, outcomes } = await start(
      async (request: Request) => {
        const { pathname } = new URL(request.url)
        begun.add(pathname)
        await work.promise
        return new Response(pathname)
      },
      {
        protocol,
        maxConcurrent: 5,
        retryAfterSeconds: 7,
        health: true,
        onShedding: (told) => shedding.add(told),
      },
    )
    const letIn = Array.from({ length: 5 }, (_, index) => fetched(protocol, port, { path: `/${index}` }))
    await begun.reached(5)
    // While those who were let in are still waiting.
    const refused = await Promise.all(Array.from({ length: 50 }, () => fetched(protocol, port)))
    for (const { status, headers, body } of refused) {
      expect([status, headers['retry-after'], JSON.parse(body).code]).toEqual([503, '7', 'OVERLOADED'])
    }
    for (const path of ['/readyz', '/livez']) {
      expect((await fetched(protocol, port, { path })).status).toBe(200)
    }
    work.resolve()
    expect((await Promise.all(letIn)).map(({ body }) => body)).toEqual(['/0', '/1', '/2', '/3', '/4'])
    expect((await fetched(protocol, port, { path: '/again' })).body).toBe('/again')
    expect(begun.all).toHaveLength(6)
    const kinds = (await outcomes.reached(56)).map(({ kind }) => kind)
    expect(kinds.filter((kind) => kind === 'rejected')).toHaveLength(50)
    expect(await shedding.reached(2)).toMatchObject([
      { kind: 'started', limit: 'maxConcurrent', refused: 1, elapsedMs: 0 },
      { kind: 'stopped', limit: 'maxConcurrent', refused: 50 },
    ])
  },
)

test('maxAbandoned: as long as handlers run that nobody waits for, nobody is let in; then everybody is', async () => {
  const work = deferred<Response>()
  const shedding = new Journal<Shedding>()
  const { port, outcomes, late } = await start(
    (request: Request) =>
      new URL(request.url).pathname === '/stuck'
        ? work.promise.then((response) => response.clone())
        : new Response('hello'),
    { timeoutMs: 50, maxAbandoned: 3, health: true, onShedding: (told) => shedding.add(told) },
  )
  const stuck = await Promise.all(Array.from({ length: 3 }, () => fetched('http', port, { path: '/stuck' })))
  expect(stuck.map(({ status }) => status)).toEqual([503, 503, 503])
  const refused = await Promise.all(Array.from({ length: 20 }, () => fetched('http', port)))
  for (const { status, headers } of refused) expect([status, headers['retry-after']]).toEqual([503, '1'])
  expect((await fetched('http', port, { path: '/readyz' })).status).toBe(200)
  work.resolve(new Response('at last'))
  await late.reached(3)
  expect(await fetched('http', port)).toMatchObject({ status: 200, body: 'hello' })
  expect((await outcomes.reached(24)).map(({ kind }) => kind)).toEqual([
    ...Array(3).fill('timed-out'),
    ...Array(20).fill('rejected'),
    'completed',
  ])
  expect(await shedding.reached(2)).toMatchObject([
    { kind: 'started', limit: 'maxAbandoned' },
    { kind: 'stopped', limit: 'maxAbandoned', refused: 20 },
  ])
})
