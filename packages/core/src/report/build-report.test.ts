import { describe, expect, test } from 'vitest'
import { expectPlain, reporting } from '../../test/reporting.ts'
import { deferred, FakeClient, get, never, raise, soon, thisRuntime } from '../../test/support.ts'
import { attachClient } from '../client.ts'
import { type GuardOptions, guard, scopeOf } from '../index.ts'
import type { Report, ReporterOptions } from '../report.ts'

const boom = new Error('boom')

type Handler = (request: Request) => Response | undefined | void | Promise<Response | undefined | void>

const failing: Handler = async () => raise(boom)

/** The report of one request. */
async function reportOf(
  request: Request = get(),
  options: Partial<ReporterOptions> = {},
  handler: Handler = failing,
  guardOptions: GuardOptions = {},
): Promise<Report> {
  const { options: given, made, reports } = reporting(options)
  const reply = guard(handler, { timeoutMs: 100, ...given, ...guardOptions })(request)
  await given.clock.advance(100)
  await soon(reply)
  await made()
  expect(reports).toHaveLength(1)
  expectPlain(reports[0]!)
  return reports[0]!
}

describe('a report', () => {
  test('tells what happened, to whom, when, and where, and nothing that there is nothing to say about', async () => {
    const before = Date.now()
    const request = get('/orders/7?page=2', { headers: { accept: 'text/html' } })
    const report = await reportOf(request, { service: 'shop', version: '1.2', instance: 'a', region: 'eu' })
    expect(report).toEqual({
      schema: 1,
      id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/),
      kind: 'failed',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      fingerprint: expect.stringMatching(/^[0-9a-f]{16}$/),
      count: 1,
      error: { name: 'Error', message: 'boom', stack: expect.stringContaining('build-report.test.ts') },
      request: {
        id: report.id,
        method: 'GET',
        url: 'http://localhost/orders/7?page=2',
        headers: { accept: 'text/html' },
      },
      response: { status: 500, headers: { 'content-type': 'application/problem+json' } },
      outcome: { kind: 'failed', status: 500, phase: 'handling' },
      timing: { elapsedMs: 0, timeoutMs: 100 },
      abandoned: false,
      where: {
        service: 'shop',
        version: '1.2',
        instance: 'a',
        region: 'eu',
        pid: process.pid,
        runtime: thisRuntime(),
        os: process.platform,
        arch: process.arch,
      },
    })
    expect(Date.parse(report.time)).toBeGreaterThanOrEqual(before)
    expect(Date.parse(report.time)).toBeLessThanOrEqual(Date.now())
  })

  test('of a timeout tells how late it was', async () => {
    const { options, clock, made, reports } = reporting({ on: ['timed-out'] })
    const reply = guard(never, { ...options, timeoutMs: 20 })(get())
    await clock.advance(10)
    clock.block(15.5)
    await clock.advance(100)
    await soon(reply)
    await made()
    expect(reports).toMatchObject([
      {
        kind: 'timed-out',
        outcome: { kind: 'timed-out', status: 503, phase: 'handling' },
        timing: { elapsedMs: 25.5, timeoutMs: 20, lateMs: 5.5 },
        abandoned: true,
      },
    ])
    expectPlain(reports[0]!)
  })

  test('has times of a thousandth of a millisecond, and none below nothing', async () => {
    const { options, clock, made, reports } = reporting({ on: ['timed-out', 'late'] })
    const work = deferred()
    clock.block(0.1)
    void guard(() => work.promise, { ...options, timeoutMs: 0.3 })(get())
    clock.block(0.30000000001)
    await clock.advance(20)
    work.resolve(undefined)
    await made()
    for (const { timing, late } of reports) {
      for (const ms of [timing.elapsedMs, timing.lateMs!, late?.afterMs ?? 0]) {
        expect(ms).toBe(Math.round(ms * 1_000) / 1_000)
        expect(Object.is(Math.max(ms, 0), ms)).toBe(true)
      }
    }
    reports.forEach(expectPlain)
    expect(reports).toHaveLength(2)
  })

  test('tells of no limit as null', async () => {
    expect((await reportOf(get(), {}, failing, { timeoutMs: false })).timing.timeoutMs).toBeNull()
  })

  test('tells what the handler had written by itself', async () => {
    const report = await reportOf(get(), {}, (request) => {
      const { response } = scopeOf(request)
      response.status = 201
      response.headers.set('location', '/orders/7')
      response.write('wörk')
      throw boom
    })
    expect(report.written).toMatchObject({ status: 201, bytes: 5 })
    expect(report.response).toMatchObject({ status: 500 })
  })

  test('tells of no response that a client was sent after it had left', async () => {
    const request = get()
    const client = new FakeClient()
    attachClient(request, client)
    const handler: Handler = () => {
      client.close()
      return never()
    }
    const report = await reportOf(request, { on: ['abandoned'] }, handler)
    expect(report).toMatchObject({ kind: 'abandoned', outcome: { kind: 'client-closed', status: 499 } })
    expect(report).not.toHaveProperty('response')
  })

  test('tells what the adapter knows of the place, under what the reporter was told', async () => {
    const where = { hostname: 'web-1', region: 'here', runtime: { name: 'bun' } }
    const request = get()
    attachClient(request, Object.assign(new FakeClient(), { where }))
    const report = await reportOf(request, { region: 'there' })
    expect(report.where).toMatchObject({ hostname: 'web-1', region: 'there', runtime: { name: 'bun' } })
  })

  test('tells what has become of the headers of the response on their way out', async () => {
    const { options, made, reports } = reporting({ redact: { allow: { headers: ['x-outer'] } } })
    const reply = await soon(guard(failing, options)(get()))
    reply.headers.set('x-outer', 'set by middleware around the guard')
    await made()
    expect(reports[0]!.response!.headers).toMatchObject({ 'x-outer': 'set by middleware around the guard' })
  })
})

describe('the id of the request', () => {
  const headers = {
    'x-request-id': 'from-proxy',
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  }
  const { traceparent } = headers
  const trace = '0af7651916cd43dd8448eb211c80319c'
  const failureResponse = (): Response =>
    new Response('no', { status: 500, headers: { 'x-request-id': 'from-app' } })
  const requestId = (): string => 'from-function'

  const sources: [name: string, headers: Record<string, string>, given: object, id: unknown][] = [
    ['x-request-id', headers, { requestId }, 'from-proxy'],
    ['the trace of traceparent', { traceparent }, { requestId }, trace],
    ['the function', {}, { requestId }, 'from-function'],
    ['the function, where x-request-id is empty', { 'x-request-id': '' }, { requestId }, 'from-function'],
    ['the function, where traceparent is none', { traceparent: '00-xyz-01' }, { requestId }, 'from-function'],
    [
      'the function, where traceparent says that there is none',
      { traceparent: `00-${'0'.repeat(32)}-b7ad6b7169203331-01` },
      { requestId },
      'from-function',
    ],
    ['x-request-id of the response', {}, {}, 'from-app'],
    ['the same, where the function knows none', {}, { requestId: () => undefined }, 'from-app'],
    ['the same, where the function gives an empty one', {}, { requestId: () => '' }, 'from-app'],
  ]

  test.each(sources)('is from %s', async (_, headers, options, id) => {
    const report = await reportOf(get('/', { headers }), options, failing, { failureResponse })
    expect(report.request.id).toBe(id)
    expect(report).not.toHaveProperty('omitted')
  })

  test('is the one of the report where nobody knows one', async () => {
    const report = await reportOf()
    expect(report.request.id).toBe(report.id)
  })

  test('is the one of the report where it must not be seen', async () => {
    const replace = (text: string, path: string): string => (path === 'request.id' ? raise(boom) : text)
    const report = await reportOf(get('/', { headers }), { redact: { replace } })
    expect(report.request.id).toBe(report.id)
    expect(report.omitted).toEqual(['request.id'])
  })
})

/** What functions give that are not as they must be. */
const nonsense: [name: string, give: () => unknown][] = [
  ['throws', () => raise(boom)],
  ['throws nothing', () => raise(undefined)],
  ['gives a number', () => 5],
  ['gives null', () => null],
  ['gives an object', () => ({})],
  ['gives a symbol', () => Symbol('time')],
  ['gives a promise', async () => 'later'],
  // An unhandled rejection would fail the run.
  ['rejects', async () => raise(boom)],
]

describe('formatTime', () => {
  test('says how the time is written', async () => {
    const report = await reportOf(get(), { formatTime: (time) => `${time.getFullYear()}` })
    expect(report.time).toBe(`${new Date().getFullYear()}`)
  })

  test.each(nonsense)('that %s leaves it as it is otherwise, and is named', async (_, formatTime) => {
    const report = await reportOf(get(), { formatTime: formatTime as never })
    expect(new Date(report.time).toISOString()).toBe(report.time)
    expect(report.omitted).toEqual(['time'])
  })

  test('cannot change the time', async () => {
    const formatTime = (time: Date): string => {
      time.setTime(Number.NaN)
      return time.toISOString()
    }
    const report = await reportOf(get(), { formatTime })
    expect(Math.abs(Date.parse(report.time) - Date.now())).toBeLessThan(60_000)
    expect(report.omitted).toEqual(['time'])
  })
})

describe('requestId', () => {
  test('is given the request', async () => {
    const request = get('/mine')
    const requestId = (own: Request): string => (own === request ? 'same' : 'other')
    expect((await reportOf(request, { requestId })).request.id).toBe('same')
  })

  // Nothing at all is what it gives where it knows none.
  test.each(nonsense)('that %s leaves the id to others, and is named', async (_, requestId) => {
    const failureResponse = (): Response =>
      new Response('no', { status: 500, headers: { 'x-request-id': 'app' } })
    const report = await reportOf(get(), { requestId: requestId as never }, failing, { failureResponse })
    expect(report.request.id).toBe('app')
    expect(report.omitted).toEqual(['request.id'])
  })
})

describe('a part that cannot be made, or hidden, is left out and named', () => {
  const parts: [path: string, missing: (report: Report) => unknown][] = [
    ['error', ({ error }) => error],
    ['request.headers', ({ request }) => request.headers],
    ['request.body', ({ request }) => request.body],
    ['request.url', ({ request }) => (request.url === '[redacted]' ? undefined : request.url)],
    ['response', ({ response }) => response],
    ['written', ({ written }) => written],
  ]

  test.each(parts)('%s', async (part, missing) => {
    const replace = (text: string, path: string): string => (path.startsWith(part) ? raise(boom) : text)
    const request = get('/a?b=c', {
      method: 'POST',
      body: 'text',
      headers: { 'content-type': 'text/plain' },
    })
    const handler: Handler = async (own) => {
      await own.text()
      scopeOf(own).response.headers.set('etag', 'here')
      throw boom
    }
    const report = await reportOf(request, { redact: { replace } }, handler)
    expect(report.omitted).toEqual([part])
    expect(missing(report)).toBeUndefined()
    const others = parts.filter(([path]) => path !== part)
    for (const [, other] of others) expect(other(report)).toBeDefined()
  })

  test('the place, where the adapter cannot tell', async () => {
    const request = get()
    const client = Object.defineProperty(new FakeClient(), 'where', { get: () => raise(boom) })
    attachClient(request, client)
    const report = await reportOf(request, { service: 'shop' })
    expect(report.where).toMatchObject({ service: 'shop', pid: process.pid })
    expect(report.omitted).toEqual(['where'])
  })
})

describe('a request that the runtime takes away with its response, as Deno does,', () => {
  function takenAway(): { request: Request; close: () => void } {
    const request = get('/path?page=2', { headers: { 'x-request-id': 'rid' } })
    const close = (): void => {
      for (const name of ['method', 'url', 'headers'] as const) {
        Object.defineProperty(request, name, { get: () => raise(new TypeError('Request closed')) })
      }
    }
    return { request, close }
  }

  test('is reported as it was', async () => {
    const { options, made, reports } = reporting()
    const { request, close } = takenAway()
    const reply = guard(async () => raise(boom), options)(request)
    await reply
    close()
    await made()
    expect(reports).toMatchObject([
      { request: { id: 'rid', method: 'GET', url: 'http://localhost/path?page=2', headers: {} } },
    ])
    expect(reports[0]).not.toHaveProperty('omitted')
  })

  test('is reported without what is gone, if it was answered before it failed', async () => {
    const { options, made, reports } = reporting()
    const { request, close } = takenAway()
    const client = new FakeClient({ tellsDelivery: true })
    attachClient(request, client)
    await guard(async () => new Response('begun'), options)(request)
    close()
    client.break(boom)
    await made()
    expect(reports).toMatchObject([
      { error: { message: 'boom' }, request: { url: '[redacted]' }, omitted: ['request.url'] },
    ])
  })
})
