import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { reporting } from '../../test/reporting.ts'
import { deferred, FakeClient, get, never, raise, soon, source } from '../../test/support.ts'
import { attachClient } from '../client.ts'
import { type GuardOptions, guard, type HandlerResult, scopeOf } from '../index.ts'
import type { Hook, ReporterOptions } from '../report.ts'
import { reporter } from './reporter.ts'

const boom = new Error('boom')

beforeEach(() => {
  vi.spyOn(console, 'error').mockImplementation(() => {})
})

afterEach(() => {
  vi.restoreAllMocks()
})

describe('the response is handed over', () => {
  function scene(events: string[]) {
    const happens =
      <T>(what: string, result: T) =>
      (): T => {
        events.push(what)
        return result
      }
    return reporter({
      hooks: [happens('hook', undefined)],
      requestId: happens('requestId', 'id'),
      formatTime: happens('formatTime', 'now'),
      redact: { replace: happens('replace', 'text') },
    })
  }

  test('by a guard that answers at once before anything of a report is made, on the clock of the runtime', async () => {
    const events: string[] = []
    const reports = scene(events)
    guard(() => raise(boom), { reporter: reports })(get())
    for (let turn = 0; turn < 100; turn++) await undefined
    events.push('response')
    expect(await reports.flush()).toBe(true)
    expect(events[0]).toBe('response')
    expect(new Set(events)).toEqual(new Set(['response', 'requestId', 'formatTime', 'replace', 'hook']))
    expect(events.filter((what) => what === 'hook')).toHaveLength(1)
  })

  test('by one that answers later, too, and to each of many, while others are being reported', async () => {
    const events: string[] = []
    const reports = reporter({
      hooks: [({ request }: { request: { id: string } }) => events.push(`hook ${request.id}`)],
      dedupeMs: false,
    })
    const guarded = guard(async () => raise(boom), { reporter: reports })
    const all = Array.from({ length: 20 }, async (_, number) => {
      if (number % 3 === 0) await new Promise((resolve) => setTimeout(resolve, number / 3))
      await guarded(get('/', { headers: { 'x-request-id': `${number}` } }))
      // As many turns as a server might take to write it.
      for (let turn = 0; turn < 20; turn++) await undefined
      events.push(`response ${number}`)
    })
    await Promise.all(all)
    expect(await reports.flush()).toBe(true)
    expect(events).toHaveLength(40)
    for (let number = 0; number < 20; number++) {
      expect(events.indexOf(`response ${number}`)).toBeLessThan(events.indexOf(`hook ${number}`))
    }
  })
})

describe('waitUntil', () => {
  test('is handed the work of reporting, up to the end of the hooks', async () => {
    const sending = deferred<void>()
    const waitUntil = vi.fn<(work: Promise<unknown>, request: Request) => void>()
    const { options, reports, made } = reporting({ hooks: [{ name: 'send', fire: () => sending.promise }] })
    const request = get()
    guard(() => raise(boom), { ...options, waitUntil })(request)
    expect(waitUntil.mock.calls).toEqual([[expect.any(Promise), request]])
    const kept = waitUntil.mock.calls[0]![0]
    let done = false
    void kept.then(() => {
      done = true
    })
    await made()
    expect(reports).toHaveLength(1)
    expect(done).toBe(false)
    sending.resolve()
    await soon(kept)
  })

  test('is handed nothing where there is nothing to report', async () => {
    const waitUntil = vi.fn()
    const { options, made } = reporting()
    guard(() => new Response(), { ...options, waitUntil })(get())
    await made()
    expect(waitUntil).not.toHaveBeenCalled()
  })

  test('that throws keeps no report from being made', async () => {
    const { options, reports, made } = reporting()
    const { status } = await soon(
      guard(() => raise(boom), { ...options, waitUntil: () => raise(boom) })(get()),
    )
    await made()
    expect(status).toBe(500)
    expect(reports).toHaveLength(1)
    expect(console.error).toHaveBeenCalledTimes(1)
  })
})

describe('a guard without a reporter', () => {
  test('puts nothing on the request but what a guard needs', async () => {
    const [bare, recorded] = [
      get('/', { method: 'POST', body: 'x' }),
      get('/', { method: 'POST', body: 'x' }),
    ]
    const { options } = reporting()
    await guard(() => new Response())(bare)
    await guard(() => new Response(), options)(recorded)
    const own = (request: Request) => Reflect.ownKeys(request).filter((key) => typeof key === 'string')
    const native = own(get())
    expect(own(bare).filter((key) => !native.includes(key))).toEqual(['signal'])
    expect(own(recorded)).toContain('text')
  })

  test('leaves the body of a request alone where none is to be kept', async () => {
    const request = get('/', { method: 'POST', body: 'x' })
    const { options } = reporting({ bodyBytes: 0 })
    await guard(() => new Response(), options)(request)
    expect(Reflect.ownKeys(request)).not.toContain('text')
  })
})

/** How a request is answered, and what has to happen for that. */
type Ending = [
  name: string,
  options: GuardOptions,
  handler: (request: Request) => HandlerResult | Promise<HandlerResult>,
  ms?: number,
]

const endings: Ending[] = [
  ['a response', {}, () => new Response('hello', { status: 201, headers: { 'x-own': '1' } })],
  ['a response that came later', {}, async () => Response.json({ hello: 1 })],
  ['a stream', { streamTotalMs: 500 }, () => new Response(new Blob(['one', 'two']).stream())],
  ['a buffered stream', { buffer: true }, () => new Response(new Blob(['one', 'two']).stream())],
  ['what was read', {}, async (request) => new Response(await request.text())],
  ['what was written', {}, (request) => void scopeOf(request).response.write('written')],
  ['a failure', {}, () => raise(boom)],
  ['a failure that is exposed', { exposeErrors: true }, async () => raise(boom)],
  ['a failure with a text', { failureResponse: 'sorry' }, async () => raise(boom)],
  ['a failure with a function', { failureResponse: (o) => ({ status: o.status }) }, async () => raise(boom)],
  ['a response that was thrown', {}, () => raise(new Response('thrown', { status: 503 }))],
  ['nothing', {}, async () => {}],
  ['a timeout', { timeoutMs: 10 }, never, 10],
  ['a timeout with a text', { timeoutMs: 10, timeoutResponse: 'late' }, never, 10],
  ['a timeout of another status', { timeoutMs: 10, timeoutStatus: 504 }, never, 10],
  [
    'a timeout with a response',
    { timeoutMs: 10, timeoutResponse: () => new Response('late', { headers: { 'x-late': '1' } }) },
    never,
    10,
  ],
  ['a refusal', { maxConcurrent: 1, inbound: () => 0 }, never],
]

/** Whatever a client could see of the reply. */
async function replyTo([, given, handler, ms = 0]: Ending, options: GuardOptions): Promise<unknown> {
  const { clock } = reporting()
  const request = get('/?q=1', { method: 'POST', body: 'sent' })
  const reply = guard(handler, { clock, ...given, ...options })(request)
  await clock.advance(ms)
  const { status, statusText, headers, body } = await soon(reply)
  const bytes = new Uint8Array(await new Response(body).arrayBuffer())
  return { status, statusText, headers: [...headers], bytes: [...bytes] }
}

/** As much as JavaScript lets it, whatever the types say. */
function spoil(...values: unknown[]): void {
  for (const value of values) {
    if (typeof value !== 'object' || value === null || value instanceof Request || value === boom) continue
    for (const key of Reflect.ownKeys(value)) {
      Reflect.set(value, key, 'spoilt')
      Reflect.deleteProperty(value, key)
    }
    Reflect.set(value, 'status', 299)
    Reflect.set(value, 'kind', 'completed')
  }
}

type Act = (...values: unknown[]) => unknown

const hostile: [name: string, act: Act][] = [
  ['throw', () => raise(boom)],
  ['throw nothing', () => raise(undefined)],
  ['reject', () => Promise.reject(boom)],
  ['never settle', () => never()],
  ['spoil what they are given', spoil],
  ['give nonsense', () => ({ decided: 5, ended: 'nonsense' })],
  // biome-ignore lint/suspicious/noThenProperty: a thenable is what is tested
  ['give thenables that throw', () => ({ then: () => raise(boom) })],
  [
    'give what throws when it is looked at',
    () => new Proxy({}, { get: () => raise(boom), has: () => raise(boom), ownKeys: () => raise(boom) }),
  ],
]

describe('the reply is the same, byte for byte, where all hooks and functions of a reporter', () => {
  test.each(hostile)('%s', async (_, act) => {
    const hook = { name: 'bad', fire: act, flush: act, observe: act } as Hook
    const observing: Hook = { name: 'observing', observe: () => ({ decided: act, ended: act }) }
    const options = {
      hooks: [hook, observing, act as never],
      on: ['failed', 'timed-out', 'abandoned', 'late'],
      requestId: act as never,
      formatTime: act as never,
      hookTimeoutMs: 100,
    } satisfies ReporterOptions
    await Promise.all(
      endings.map(async (ending) => {
        const { clock, reports, reporter, made } = reporting(options)
        const expected = await replyTo(ending, {})
        expect(await replyTo(ending, { reporter })).toEqual(expected)
        await made()
        await clock.advance(100)
        const { failed, reported, hooks } = reporter.stats
        expect([failed, reports.length, hooks.bad?.pending]).toEqual([0, reported, 0])
      }),
    )
  })
})

test('an observer cannot change why a request ended, nor why its signal aborts', async () => {
  const { options, clock } = reporting({
    hooks: [{ name: 'observing', observe: () => ({ decided: spoil, ended: spoil }) }],
  })
  const request = get()
  const client = new FakeClient()
  attachClient(request, client)
  const reply = guard(never, { ...options, timeoutMs: 10 })(request)
  await clock.advance(10)
  await soon(reply)
  expect(request.signal.reason).toMatchObject({ code: 'HANDLER_TIMEOUT', timeoutMs: 10 })
  expect(scopeOf(request).outcome).toMatchObject({ kind: 'timed-out', status: 503 })
})

test('a stream that is sent breaks as it would without a reporter', async () => {
  const { options, made, reports } = reporting()
  const page = source()
  const reply = await guard(() => new Response(page.stream), { ...options, streamIdleMs: 50 })(get())
  const text = reply.text().catch((error: unknown) => error)
  page.write('half')
  page.fail(boom)
  expect(await soon(text)).toBe(boom)
  await made()
  expect(reports).toMatchObject([{ kind: 'failed', outcome: { phase: 'streaming', status: 200 } }])
})
