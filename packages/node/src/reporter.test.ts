import { hostname } from 'node:os'
import { type GuardOptions, guard, ShutdownError } from '@curfew/core'
import { type Hook, type Report, type ReporterOptions, reporter } from '@curfew/core/report'
import { ManualClock } from '@curfew/core/testing'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { clientThread } from '../test/client-thread.ts'
import {
  call,
  deferred,
  fetched,
  Journal,
  never,
  protocols,
  raise,
  source,
  start,
  startUnguarded,
} from '../test/support.ts'

const boom = new Error('boom')

beforeEach(() => {
  vi.spyOn(console, 'error').mockImplementation(() => {})
})

afterEach(() => {
  vi.restoreAllMocks()
})

/** A reporter, and what its hooks were fired with, to be waited for. */
function reporting(hooks: Hook[] = [], options: Partial<ReporterOptions> = {}) {
  const reports = new Journal<Report>()
  const collect: Hook = { name: 'collect', fire: (report) => reports.add(report) }
  return { reports, reporter: reporter({ dedupeMs: false, ...options, hooks: [...hooks, collect] }) }
}

const fires: [name: string, fire: (settled: Promise<void>) => unknown][] = [
  ['takes its time', (settled) => settled],
  ['takes its time, and fails', (settled) => settled.then(() => raise(boom))],
  ['throws', () => raise(boom)],
  ['never settles', never],
]

describe.each(protocols)('over %s', (protocol) => {
  test.each(fires)('the reply is there before a hook settles that %s', async (_, fire) => {
    const settled = deferred<void>()
    const { reports, reporter } = reporting([{ name: 'bad', fire: () => fire(settled.promise) }], {
      hookTimeoutMs: 200,
    })
    const { port, server } = await start(async () => raise(boom), { protocol, reporter })
    // The hook cannot settle before the reply is here, for the reply is what it waits for.
    expect(await fetched(protocol, port)).toMatchObject({ status: 500, broken: undefined })
    expect(await reports.reached(1)).toMatchObject([{ kind: 'failed', error: { message: 'boom' } }])
    settled.resolve()
    await server.close()
  })

  test('a response that breaks half-way is reported once', async () => {
    const { reports, reporter } = reporting()
    const page = source()
    const { port, server } = await start(() => new Response(page.stream), { protocol, reporter })
    const client = call(protocol, port)
    page.write('half')
    await client.begun
    page.fail(boom)
    expect((await client.answer).broken).toBeDefined()
    expect(await reports.reached(1)).toMatchObject([
      { kind: 'failed', outcome: { phase: 'streaming', status: 200 }, response: { status: 200 } },
    ])
    await server.close()
    expect(reports.all).toHaveLength(1)
  })

  test('close() resolves once the hooks are done with the requests that it cut short', async () => {
    const begun = deferred<void>()
    const events: string[] = []
    const flush = async (): Promise<void> => {
      events.push('flush')
      await new Promise((resolve) => setImmediate(resolve))
      events.push('flushed')
    }
    const thrown: unknown[] = []
    const fire: Hook['fire'] = (_, context) => void thrown.push(context.thrown)
    const { reports, reporter } = reporting([{ name: 'send', fire, flush }])
    const { port, server } = await start(
      () => {
        begun.resolve()
        return never()
      },
      { protocol, reporter },
    )
    const answer = fetched(protocol, port)
    await begun.promise
    await server.close({ graceMs: 1 })
    expect(await answer).toMatchObject({ status: 503 })
    expect(events.slice(-2)).toEqual(['flush', 'flushed'])
    expect(thrown).toEqual([expect.any(ShutdownError)])
    expect(reports.all).toMatchObject([
      { kind: 'failed', abandoned: true, error: { fields: { code: 'SHUTDOWN' } } },
    ])
  })
})

describe('a hook that blocks until the client has its reply has it at once', () => {
  const ways: [name: string, listen: (options: GuardOptions) => ReturnType<typeof start>][] = [
    ['under serve()', (options) => start(handle, options)],
    ['under a guard of its own', (options) => startUnguarded(guard(handle, options))],
  ]

  function handle(request: Request): Promise<Response> | Response {
    const { pathname } = new URL(request.url)
    if (pathname === '/at-once') return raise(boom)
    if (pathname === '/later') return Promise.reject(boom)
    if (pathname === '/thrown') throw new Response('thrown', { status: 502 })
    return never()
  }

  describe.each(ways)('%s', (_, listen) => {
    test.each([
      ['/at-once', 500],
      ['/later', 500],
      ['/thrown', 502],
      ['/late', 503],
    ])('of %s', async (path, status) => {
      const blocked: boolean[] = []
      const fire = (): void => void blocked.push(client.block())
      const { reports, reporter } = reporting([{ name: 'blocking', fire }], { on: ['failed', 'timed-out'] })
      const { port } = await listen({ reporter, timeoutMs: 20 })
      const client = clientThread(port, path)
      expect(await reports.reached(1)).toMatchObject([{ outcome: { status } }])
      expect(blocked).toEqual([true])
      expect(await client.reply).toMatchObject({ status })
    })
  })
})

describe('close()', () => {
  test('waits for the hooks, and after 5 s not any more', async () => {
    const clock = new ManualClock()
    const flushing = new Journal<string>()
    const flush = (): Promise<unknown> => {
      flushing.add('flush')
      return never()
    }
    const { reporter } = reporting([{ name: 'stuck', flush }], { clock })
    const { server } = await start(() => new Response(), { reporter })
    const events: string[] = []
    const closed = server.close().then(() => events.push('closed'))
    await flushing.first()
    await clock.advance(4_999)
    expect(events).toEqual([])
    await clock.advance(1)
    await closed
    expect(clock.pending).toBe(0)
  })

  test('resolves although a hook fails to flush', async () => {
    const { reporter } = reporting([{ name: 'bad', flush: () => raise(boom) }])
    const { server } = await start(() => new Response(), { reporter })
    await server.close()
    expect(reporter.stats.hooks.bad).toMatchObject({ failed: 1 })
  })

  test('tells the counts of what happened again and again', async () => {
    const { reports, reporter } = reporting([], { dedupeMs: 60_000 })
    const { port, server } = await start(async () => raise(boom), { reporter })
    for (let i = 0; i < 3; i++) await fetched('http', port)
    await server.close()
    expect(reports.all.map(({ count }) => count)).toEqual([1, 2])
  })
})

test('a report tells the host, the request as it came, and the body that was read', async () => {
  const { reports, reporter } = reporting([], { redact: { allow: { body: ['name'] } } })
  const { port } = await start(
    async (request: Request) => {
      await request.json()
      throw boom
    },
    { reporter },
  )
  const body = JSON.stringify({ name: 'Ada', password: 'sesame-open' })
  const headers = { 'content-type': 'application/json', 'x-request-id': 'r-1', host: 'shop.test' }
  const sent = fetched('http', port, { method: 'POST', path: '/people?page=2', headers, body })
  expect((await sent).status).toBe(500)
  expect(await reports.first()).toMatchObject({
    request: {
      id: 'r-1',
      method: 'POST',
      url: 'http://shop.test/people?page=2',
      body: {
        kind: 'json',
        bytes: body.length,
        complete: true,
        value: { name: 'Ada', password: '[redacted]' },
      },
    },
    where: { hostname: hostname(), pid: process.pid, runtime: { name: 'node' } },
  })
})

test('a client that leaves is no failure; what it left behind is told if asked for', async () => {
  const begun = new Journal<string>()
  const work = deferred<Response>()
  const [usual, curious] = [reporting(), reporting([], { on: ['abandoned', 'late'] })]
  const inner = guard(() => work.promise, { reporter: curious.reporter })
  const { port, server, outcomes } = await start(
    (request: Request) => {
      begun.add('begun')
      return inner(request)
    },
    { reporter: usual.reporter },
  )
  const client = call('http', port)
  await begun.first()
  client.leave()
  expect(await outcomes.first()).toMatchObject({ kind: 'client-closed' })
  expect(await curious.reports.first()).toMatchObject({ kind: 'abandoned', outcome: { status: 499 } })
  work.reject(boom)
  expect(await curious.reports.reached(2)).toMatchObject([{}, { kind: 'late', error: { message: 'boom' } }])
  await server.close()
  expect(usual.reports.all).toEqual([])
})
test('what a handler does as soon as it is told to stop is late, also while the timeout is being written', async () => {
  const { reports, reporter } = reporting([], { on: ['abandoned', 'late'] })
  const { port, late } = await start(
    (request: Request) =>
      new Promise((_, reject) =>
        request.signal.addEventListener('abort', () => reject(request.signal.reason)),
      ),
    { reporter, timeoutMs: 20 },
  )
  expect((await fetched('http', port)).status).toBe(503)
  expect(await late.first()).toMatchObject({ kind: 'cancelled' })
  expect(await reports.reached(2)).toMatchObject([
    { kind: 'abandoned', abandoned: true },
    { kind: 'late', late: { kind: 'cancelled' } },
  ])
})
