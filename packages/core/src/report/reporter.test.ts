import { describe, expect, test } from 'vitest'
import { expectPlain, type Reporting, reporting } from '../../test/reporting.ts'
import {
  type Deferred,
  deferred,
  FakeClient,
  get,
  never,
  oddities,
  raise,
  soon,
  source,
  thrownBy,
  watchedRequest,
} from '../../test/support.ts'
import { attachClient } from '../client.ts'
import { type GuardOptions, guard, ShutdownError, scopeOf } from '../index.ts'
import type { ReportKind } from '../report.ts'

const boom = new Error('boom')

/** Lives through one request, and ends with its response, if there is one. */
type Way = (options: GuardOptions & Reporting['options']) => Promise<unknown>

async function readAll(response: Response): Promise<string | undefined> {
  return response.text().catch(() => undefined)
}

const failures: [name: string, way: Way, thrown: unknown][] = [
  ['throws at once', async (options) => guard(() => raise(boom), options)(get()), boom],
  ['rejects', async (options) => soon(guard(async () => raise(boom), options)(get())), boom],
  [
    'answers with a stream that breaks while it is buffered',
    async (options) => {
      const page = source()
      const reply = guard(() => new Response(page.stream), { ...options, buffer: true })(get())
      page.write('half')
      page.fail(boom)
      return soon(reply)
    },
    boom,
  ],
  [
    'answers with a stream that breaks after its head was sent',
    async (options) => {
      const page = source()
      const reply = await guard(() => new Response(page.stream), { ...options, streamIdleMs: 50 })(get())
      page.fail(boom)
      await readAll(reply)
    },
    boom,
  ],
  [
    'has a response that breaks on the connection',
    async (options) => {
      const request = get()
      const client = new FakeClient({ tellsDelivery: true })
      attachClient(request, client)
      await soon(guard(async () => new Response('hello'), options)(request))
      client.break(boom)
    },
    boom,
  ],
  [
    'throws a response of 500',
    async (options) => soon(guard(async () => raise(unavailable), options)(get())),
    new Response('no', { status: 500 }),
  ],
  [
    'throws an error with a response of 503',
    async (options) => soon(guard(() => raise(withResponse), options)(get())),
    Object.assign(new Error('down'), { getResponse: () => new Response('down', { status: 503 }) }),
  ],
  [
    'has its error turned into a 500 by a framework',
    async (options) => {
      const handler = async (request: Request) => {
        scopeOf(request).handledError = boom
        return new Response('sorry', { status: 500 })
      }
      return soon(guard(handler, options)(get()))
    },
    boom,
  ],
  [
    'comes back with nothing',
    async (options) => soon(guard(async () => {}, options)(get())),
    expect.anything(),
  ],
  [
    'is cut short by the server that stops',
    async (options) => {
      const stop = new AbortController()
      const reply = guard(never, { ...options, shutdown: stop.signal })(get())
      stop.abort()
      return soon(reply)
    },
    expect.any(ShutdownError),
  ],
]
const unavailable = failures.find(([name]) => name === 'throws a response of 500')![2]
const withResponse = failures.find(([name]) => name === 'throws an error with a response of 503')![2]

describe('there is one report of a request whose handler', () => {
  test.each(failures)('%s', async (_, way, thrown) => {
    const { options, reports, thrown: given, reporter, made } = reporting()
    await way(options)
    await made()
    expect(reports).toHaveLength(1)
    expect(reports[0]).toMatchObject({ schema: 1, kind: 'failed', count: 1, outcome: { kind: 'failed' } })
    expectPlain(reports[0]!)
    expect(given).toEqual([thrown])
    if (thrown === boom || thrown === unavailable || thrown === withResponse) expect(given[0]).toBe(thrown)
    expect(reporter.stats).toMatchObject({ reported: 1, pending: 0, hooks: { collect: { delivered: 1 } } })
    expect(await soon(reporter.flush())).toBe(true)
    expect(reports).toHaveLength(1)
  })

  describe.each([
    ['throws', (value: unknown) => () => raise(value)],
    ['rejects with', (value: unknown) => async () => raise(value)],
  ])('%s', (_, how) => {
    test.each(oddities)('%s, which the hooks are given as it is', async (_, make) => {
      const { options, reports, thrown, made } = reporting()
      const value = make()
      expect((await soon(guard(how(value), options)(get()))).status).toBe(500)
      await made()
      expect(thrown).toHaveLength(1)
      expect(Object.is(thrown[0], value)).toBe(true)
      expect(reports).toHaveLength(1)
      expectPlain(reports[0]!)
      // Not `toMatchObject`, by which Bun changes even what is frozen.
      const { name, message } = reports[0]!.error!
      expect([typeof name, typeof message]).toEqual(['string', 'string'])
    })
  })

  test.each([
    ['at once', () => raise],
    ['later', () => async (value: unknown) => raise(value)],
  ])('throws %s under `rethrow`, and the error is handed on', async (_, how) => {
    const { options, reports, thrown, made } = reporting()
    const handler = () => how()(boom)
    expect(await thrownBy(() => guard(handler, { ...options, rethrow: true })(get()))).toBe(boom)
    await made()
    expect(reports).toMatchObject([{ kind: 'failed', error: { message: 'boom' } }])
    expect(reports[0]).not.toHaveProperty('response')
    expect(thrown[0]).toBe(boom)
  })
})

const others: [name: string, way: Way][] = [
  ['answers', async (options) => guard(() => new Response('hello'), options)(get())],
  ['answers with a 500 of its own', async (options) => guard(() => problem(), options)(get())],
  [
    'answers with a stream that is read',
    async (options) =>
      readAll(await guard(() => new Response('hello'), { ...options, streamIdleMs: 5 })(get())),
  ],
  [
    'throws a response below 500',
    async (options) => soon(guard(() => raise(new Response(null, { status: 404 })), options)(get())),
  ],
  [
    'throws an error with a response below 500',
    async (options) => {
      const error = Object.assign(new Error('no'), { getResponse: () => new Response(null, { status: 499 }) })
      return soon(guard(() => raise(error), options)(get()))
    },
  ],
  [
    'had its error turned into less than a 500 by a framework',
    async (options) => {
      const handler = (request: Request) => {
        scopeOf(request).handledError = boom
        return new Response(null, { status: 422 })
      }
      return soon(guard(handler, options)(get()))
    },
  ],
  [
    'is left by its client, and fails then',
    async (options) => {
      const { request, close } = watchedRequest()
      const work = deferred()
      const reply = guard(() => work.promise, { ...options, watch: 'eager' })(request)
      close()
      await soon(reply)
      work.reject(boom)
      await options.clock.advance(0)
    },
  ],
  [
    'is not called, for its client has gone already',
    async (options) => {
      const request = get()
      attachClient(request, new FakeClient({ closed: true }))
      await guard(never, options)(request)
    },
  ],
  [
    'has answered, but the client leaves while that is written',
    async (options) => {
      const request = get()
      const client = new FakeClient({ tellsDelivery: true })
      attachClient(request, client)
      await guard(() => new Response('hello'), options)(request)
      client.close()
    },
  ],
  [
    'is not called, for the time is up',
    async (options) => guard(never, { ...options, inbound: () => 0 })(get()),
  ],
  [
    'is not called, for too many are at work',
    async (options) => {
      const guarded = guard(never, { ...options, maxConcurrent: 1 })
      void guarded(get())
      await guarded(get())
    },
  ],
  [
    'is not called, for the server stops',
    async (options) => guard(never, { ...options, shutdown: AbortSignal.abort() })(get()),
  ],
  [
    'is late, and fails then',
    async (options) => {
      const work = deferred()
      const reply = guard(() => work.promise, { ...options, timeoutMs: 10 })(get())
      await options.clock.advance(10)
      await soon(reply)
      work.reject(boom)
      await options.clock.advance(0)
    },
  ],
  [
    'has a response that takes too long',
    async (options) => {
      const page = source()
      const reply = await guard(() => new Response(page.stream), { ...options, streamTotalMs: 10 })(get())
      const text = readAll(reply)
      await options.clock.advance(10)
      await soon(text)
    },
  ],
  [
    'turns to WebSockets, and fails then',
    async (options) => {
      const request = get('/', { headers: { upgrade: 'websocket' } })
      await thrownBy(() => guard(() => raise(boom), options)(request))
    },
  ],
]

function problem(): Response {
  return new Response(null, { status: 500 })
}

describe('there is no report, as long as no others are asked for, of a request whose handler', () => {
  test.each(others)('%s', async (_, way) => {
    const { options, reports, reporter, made } = reporting()
    await way(options)
    await made()
    expect(await soon(reporter.flush())).toBe(true)
    expect(reports).toEqual([])
    expect(reporter.stats).toMatchObject({ reported: 0, repeated: 0, dropped: 0, failed: 0 })
  })
})

const kinds: readonly ReportKind[] = ['failed', 'timed-out', 'abandoned', 'late']
const subsets = Array.from({ length: 2 ** kinds.length }, (_, bits) =>
  kinds.filter((_, bit) => bits & (1 << bit)),
)

/** An ending: the kinds of report that fit it, the best one first, and whether the handler is still at work then. */
const endings: [name: string, fits: ReportKind[], goesOn: boolean, end: End][] = [
  ['a failure', ['failed'], false, async ({ work }) => work.reject(boom)],
  ['a shutdown', ['failed', 'abandoned'], true, async ({ stop }) => stop()],
  ['a timeout', ['timed-out', 'abandoned'], true, async ({ clock }) => clock.advance(100)],
  ['a client that leaves', ['abandoned'], true, async ({ client }) => client.close()],
  ['a response', [], false, async ({ work }) => work.resolve(new Response('hello'))],
]

type End = (scene: {
  clock: Reporting['clock']
  work: Deferred<Response | undefined>
  client: FakeClient
  stop(): void
}) => Promise<void>

describe.each(endings)('of %s', (_, fits, goesOn, end) => {
  test('there is one report, of the first kind that fits and was asked for, and one of what came late', async () => {
    await Promise.all(
      subsets.map(async (on) => {
        const { options, reports, clock, made } = reporting({ on, dedupeMs: false })
        const [work, client, stop] = [deferred(), new FakeClient(), new AbortController()]
        const request = get()
        attachClient(request, client)
        const guarded = guard(() => work.promise, { ...options, timeoutMs: 100, shutdown: stop.signal })
        const reply = guarded(request)
        await end({ clock, work, client, stop: () => stop.abort() })
        await soon(reply)
        await made()
        const kind = fits.find((each) => on.includes(each))
        expect(reports.map((report) => report.kind)).toEqual(kind ? [kind] : [])
        for (const report of reports) expect(report).toMatchObject({ abandoned: goesOn })

        work.resolve(new Response('too late'))
        await made()
        const isLate = goesOn && on.includes('late')
        expect(reports.map((report) => report.kind)).toEqual([
          ...(kind ? [kind] : []),
          ...(isLate ? ['late'] : []),
        ])
        expect(new Set(reports.map(({ id }) => id)).size).toBeLessThanOrEqual(1)
        reports.forEach(expectPlain)
      }),
    )
  })
})

describe('a late report', () => {
  const settlements: [
    name: string,
    kind: string,
    error: unknown,
    settle: (work: Deferred<Response | undefined>, request: Request) => void,
  ][] = [
    ['completes', 'completed', undefined, (work) => work.resolve(new Response('late'))],
    ['fails', 'failed', boom, (work) => work.reject(boom)],
    ['gives up', 'cancelled', expect.anything(), (work, request) => work.reject(request.signal.reason)],
  ]
  test.each(settlements)('tells that the abandoned handler %s, and when', async (_, kind, error, settle) => {
    const { options, reports, thrown, clock, made } = reporting({ on: ['timed-out', 'late'] })
    const work = deferred()
    const request = get('/slow')
    const reply = guard(() => work.promise, { ...options, timeoutMs: 100 })(request)
    await clock.advance(100)
    await soon(reply)
    await made()
    await clock.advance(25)
    settle(work, request)
    await made()
    const [first, second] = reports
    expect(reports).toHaveLength(2)
    expect(second).toMatchObject({
      id: first!.id,
      kind: 'late',
      abandoned: true,
      outcome: { kind: 'timed-out', status: 503, phase: 'handling' },
      timing: { elapsedMs: 100, timeoutMs: 100, lateMs: 0 },
      response: { status: 503 },
      late: { kind, afterMs: 25 },
    })
    expect(thrown).toEqual([undefined, error])
    expect('error' in second!).toBe(error !== undefined)
    reports.forEach(expectPlain)
  })

  test('has an id of its own where nothing was reported before', async () => {
    const { options, reports, clock, made } = reporting({ on: ['failed', 'late'] })
    const work = deferred()
    const guarded = guard(() => work.promise, { ...options, timeoutMs: 100 })
    void guarded(get())
    await clock.advance(100)
    work.resolve(undefined)
    await made()
    expect(reports).toMatchObject([{ kind: 'late', id: expect.stringMatching(/^[0-9a-f-]{36}$/) }])
  })

  test('tells of a body that the handler read on after its request had ended', async () => {
    const { options, reports, clock, made } = reporting({
      on: ['timed-out', 'late'],
      redact: { allow: { body: true } },
    })
    const upload = source()
    const request = new Request('http://localhost/', {
      method: 'POST',
      body: upload.stream,
      duplex: 'half',
      headers: { 'content-type': 'text/plain' },
    } as RequestInit)
    const handler = async (own: Request): Promise<Response> => {
      for await (const _ of own.body!);
      return new Response()
    }
    void guard(handler, { ...options, timeoutMs: 100 })(request)
    upload.write('early ')
    await clock.advance(100)
    // The report is still to be made, and tells what had been read when the request ended.
    upload.write('late')
    await made()
    upload.end()
    await made()
    expect(reports.map(({ request }) => request.body)).toEqual([
      { kind: 'text', bytes: 6, complete: false, text: 'early ' },
      { kind: 'text', bytes: 10, complete: true, text: 'early late' },
    ])
  })

  test.each([
    ['an error response', () => Response.error()],
    ['a response of another status', () => new Response('late', { status: 599 })],
  ])('is made, too, where %s was sent on time', async (_, timeoutResponse) => {
    const { options, reports, clock, made } = reporting({ on: ['late'] })
    const work = deferred()
    const reply = guard(() => work.promise, { ...options, timeoutMs: 100, timeoutResponse })(get())
    await clock.advance(100)
    const { status } = await soon(reply)
    work.resolve(new Response())
    await made()
    expect(reports).toMatchObject([{ kind: 'late', response: { status } }])
  })
})
