import { describe, expect, test, vi } from 'vitest'
import { get, never, observed, thrownBy } from '../test/support.ts'
import { type GuardOptions, guard, scopeOf } from './index.ts'

const instant = Date.UTC(2026, 0)
const all: GuardOptions['inbound'] = ['connect-timeout-ms', 'grpc-timeout', 'x-envoy-expected-rq-timeout-ms']

/** When a handler that never answers is given up. */
async function limitOf(options: GuardOptions, headers: Record<string, string>): Promise<number | undefined> {
  const seen = observed(options)
  void guard(never, seen.options)(get('/', { headers }))
  await seen.clock.advance(20_000)
  return seen.outcomes[0]?.elapsedMs
}

describe('inbound', () => {
  test.each([
    ['connect-timeout-ms', '250', 250],
    ['grpc-timeout', '250m', 250],
    ['grpc-timeout', '2S', 2_000],
    ['x-envoy-expected-rq-timeout-ms', '250', 250],
  ] as const)('%s: %s is the limit', async (name, value, ms) => {
    expect(await limitOf({ inbound: name }, { [name]: value })).toBe(ms)
    expect(await limitOf({ inbound: all }, { [name]: value })).toBe(ms)
  })

  test('only what was asked for counts', async () => {
    const headers = { 'grpc-timeout': '250m' }
    expect(await limitOf({ inbound: 'connect-timeout-ms', timeoutMs: 5_000 }, headers)).toBe(5_000)
  })

  test('the shortest of several counts', async () => {
    const headers = {
      'connect-timeout-ms': '300',
      'grpc-timeout': '1S',
      'x-envoy-expected-rq-timeout-ms': '200',
    }
    expect(await limitOf({ inbound: all }, headers)).toBe(200)
  })

  test('it never lengthens', async () => {
    expect(await limitOf({ inbound: all, timeoutMs: 100 }, { 'grpc-timeout': '1H' })).toBe(100)
  })

  test('one that is malformed is ignored beside one that is not, and counted once a request', async () => {
    const seen = observed({ inbound: all, timeoutMs: 5_000 })
    const guarded = guard(never, seen.options)
    const headers = {
      'connect-timeout-ms': 'soon',
      'grpc-timeout': '250m',
      'x-envoy-expected-rq-timeout-ms': '-1',
    }
    void guarded(get('/', { headers }))
    await seen.clock.advance(250)
    expect(seen.outcomes).toMatchObject([{ kind: 'timed-out', timeoutMs: 250 }])
    expect(guarded.stats).toMatchObject({ inboundIgnored: 1, receivedAtIgnored: 0 })
  })

  test('what a function gives that is no time is counted', () => {
    const guarded = guard(() => new Response(), { inbound: () => Number.NaN })
    guarded(get())
    guarded(get())
    expect(guarded.stats.inboundIgnored).toBe(2)
  })

  test.each([
    ['grpc-timeout', 'soon'],
    ['connect-timeout-ms', '12345678901'],
  ])('malformedInbound refuses %s: %s with 400', async (name, value) => {
    const seen = observed({ inbound: all, malformedInbound: 'reject' })
    const handler = vi.fn(() => new Response())
    const guarded = guard(handler, seen.options)
    const response = guarded(get('/', { headers: { [name]: value } })) as Response
    expect(response.status).toBe(400)
    expect(response.headers.has('retry-after')).toBe(false)
    expect(await response.json()).toMatchObject({ title: 'Bad Request', code: 'MALFORMED_DEADLINE' })
    expect(handler).not.toHaveBeenCalled()
    await seen.clock.advance(0)
    expect(seen.outcomes).toEqual([{ kind: 'rejected', reason: 'malformed', status: 400, elapsedMs: 0 }])
    expect(guarded.stats).toMatchObject({ inboundIgnored: 0, active: 0, outcomes: { rejected: 1 } })
    expect((guarded(get('/', { headers: { 'grpc-timeout': '1S' } })) as Response).status).toBe(200)
  })

  test.each([
    ['connect-timeout-ms', '0'],
    ['grpc-timeout', '0S'],
    ['x-envoy-expected-rq-timeout-ms', '000'],
  ])('%s: %s has expired on arrival', async (name, value) => {
    const seen = observed({ inbound: all })
    const handler = vi.fn(never)
    const response = guard(handler, seen.options)(get('/', { headers: { [name]: value } })) as Response
    expect(response.status).toBe(504)
    expect(handler).not.toHaveBeenCalled()
    await seen.clock.advance(0)
    expect(seen.outcomes).toMatchObject([{ kind: 'rejected', reason: 'expired' }])
  })

  test('on an inner guard it shortens the race that is on', async () => {
    const seen = observed({ timeoutMs: 5_000 })
    const inner = guard(never, { inbound: all })
    void guard((request) => inner(request), seen.options)(get('/', { headers: { 'grpc-timeout': '250m' } }))
    await seen.clock.advance(250)
    expect(seen.outcomes).toMatchObject([{ kind: 'timed-out', timeoutMs: 250, elapsedMs: 250 }])
  })

  test('on an inner guard it holds where the outer one has no limit, and nothing lengthens it', async () => {
    const seen = observed({ timeoutMs: false })
    const inner = guard(
      (request) => {
        scopeOf(request).deadline.disable()
        return never()
      },
      { inbound: all, timeoutMs: 1_000 },
    )
    void guard((request) => inner(request), seen.options)(get('/', { headers: { 'grpc-timeout': '250m' } }))
    await seen.clock.advance(250)
    expect(seen.outcomes).toMatchObject([{ kind: 'timed-out', timeoutMs: 250 }])
  })

  test.each([
    ['inbound', 'x-timeout-ms'],
    ['inbound', []],
    ['inbound', ['grpc-timeout', 'X-Timeout']],
    ['inbound', 100],
    ['malformedInbound', true],
    ['receivedAt', ''],
    ['receivedAt', 'x request start'],
    ['receivedAt', ['x-request-start']],
  ])('refuses %s: %j', async (option, value) => {
    const error = await thrownBy(() => guard(never, { [option]: value }))
    expect(error).toMatchObject({ code: 'INVALID_OPTION', option })
  })
})

describe('receivedAt', () => {
  const waited = (ms: number) => ({ 'x-request-start': `t=${(instant - ms) / 1_000}` })
  const receivedAt = 'x-request-start'

  test('the time in the queue counts against the timeout, and against the record', async () => {
    const seen = observed({ timeoutMs: 1_000, receivedAt })
    const request = get('/', { headers: waited(400) })
    void guard(never, seen.options)(request)
    expect(scopeOf(request).deadline.remainingMs()).toBe(600)
    await seen.clock.advance(599)
    expect(seen.outcomes).toEqual([])
    await seen.clock.advance(1)
    expect(seen.outcomes).toMatchObject([
      { kind: 'timed-out', timeoutMs: 1_000, elapsedMs: 1_000, lateMs: 0 },
    ])
  })

  test('it counts against what the request allows', async () => {
    const headers = { ...waited(400), 'grpc-timeout': '500m' }
    expect(await limitOf({ receivedAt, inbound: all }, headers)).toBe(500)
    const seen = observed({ receivedAt, inbound: all })
    const request = get('/', { headers })
    void guard(never, seen.options)(request)
    expect(scopeOf(request).deadline.remainingMs()).toBe(100)
    scopeOf(request).deadline.set(5_000)
    expect(scopeOf(request).deadline.remainingMs()).toBe(100)
  })

  test.each([
    ['what it allows', { inbound: all, receivedAt }, { 'connect-timeout-ms': '400' }],
    ['the timeout', { timeoutMs: 400, receivedAt }, {}],
  ])('a request that has waited for longer than %s is not begun', async (_, options, headers) => {
    const seen = observed(options)
    const handler = vi.fn(never)
    const response = guard(
      handler,
      seen.options,
    )(get('/', { headers: { ...waited(400), ...headers } })) as Response
    expect(response.status).toBe(504)
    expect(handler).not.toHaveBeenCalled()
    await seen.clock.advance(0)
    expect(seen.outcomes).toEqual([{ kind: 'rejected', reason: 'expired', status: 504, elapsedMs: 400 }])
  })

  test('an instant that is not plausible changes nothing, and is counted', async () => {
    const seen = observed({ timeoutMs: 1_000, receivedAt })
    const guarded = guard(never, seen.options)
    void guarded(get('/', { headers: waited(3_600_000) }))
    await seen.clock.advance(1_000)
    expect(seen.outcomes).toMatchObject([{ kind: 'timed-out', elapsedMs: 1_000 }])
    expect(guarded.stats).toMatchObject({ inboundIgnored: 0, receivedAtIgnored: 1 })
  })
})
