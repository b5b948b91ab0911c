import { describe, expect, test, vi } from 'vitest'
import { countListeners, get, never, source, thrownBy } from '../test/support.ts'
import {
  type GuardOptions,
  guard,
  HandlerTimeoutError,
  NoTimeLeftError,
  type Scope,
  scopeOf,
} from './index.ts'
import { ManualClock } from './manual-clock.ts'

const url = 'http://upstream/users'

/** A running request whose outbound requests are answered by the test. */
function running(options: GuardOptions = {}, answer: () => unknown = () => new Response('users')) {
  const clock = new ManualClock()
  const fetch = vi.fn(async (_input: RequestInfo | URL, _init?: RequestInit) => answer() as Response)
  const request = get()
  const { outbound, ...rest } = options
  void guard(never, { clock, timeoutMs: 1_000, outbound: { fetch, ...outbound }, ...rest })(request)
  const scope: Scope = scopeOf(request)
  const sent = (): { input: unknown; init: RequestInit; headers: Record<string, string> } => {
    const [input, init = {}] = fetch.mock.lastCall!
    return { input, init, headers: Object.fromEntries(new Headers(init.headers)) }
  }
  return { clock, fetch, scope, sent }
}

describe('scope.fetch()', () => {
  test('has the signal of the scope, and the remaining time in its headers', async () => {
    const { scope, clock, sent } = running()
    clock.block(250)
    const response = await scope.fetch(url, { method: 'POST', body: 'x', headers: { 'x-own': 'yes' } })
    expect(await response.text()).toBe('users')
    expect(sent().input).toBe(url)
    expect(sent().init).toMatchObject({ method: 'POST', body: 'x' })
    expect(sent().init.signal).toBe(scope.signal)
    expect(sent().headers).toEqual({ 'x-own': 'yes', 'connect-timeout-ms': '750' })
  })

  test('needs no this, and no init', async () => {
    const { scope, sent } = running()
    const { fetch } = scope
    await fetch(new URL(url))
    expect(sent().headers).toEqual({ 'connect-timeout-ms': '1000' })
  })

  test('goes by the outbound option of the guard', async () => {
    const outbound: GuardOptions['outbound'] = {
      headers: ['grpc-timeout', 'x-envoy-expected-rq-timeout-ms'],
      reserveMs: 50,
    }
    const { scope, sent } = running({ outbound })
    await scope.fetch(url)
    expect(sent().headers).toEqual({ 'grpc-timeout': '950m', 'x-envoy-expected-rq-timeout-ms': '950' })
  })

  test('says nothing where there is no deadline, or no header for it', async () => {
    const headers = { 'connect-timeout-ms': '9000' }
    const endless = running({ timeoutMs: false })
    await endless.scope.fetch(url, { headers })
    expect(endless.sent().init.headers).toBe(headers)
    expect(endless.sent().init.signal).toBe(endless.scope.signal)
    const silent = running({ outbound: { headers: false } })
    await silent.scope.fetch(url)
    expect(silent.sent().headers).toEqual({})
  })

  test.each([
    ['a longer one is shortened', '5000', '1000'],
    ['a shorter one stays', '200', '200'],
    ['one that is malformed is replaced', 'soon', '1000'],
  ])('of what the caller says itself, %s', async (_, own, expected) => {
    const { scope, sent } = running()
    await scope.fetch(url, { headers: { 'Connect-Timeout-Ms': own } })
    expect(sent().headers).toEqual({ 'connect-timeout-ms': expected })
  })

  test.each([
    ['5S', '1000m'],
    ['10m', '10m'],
    ['999999u', '999999u'],
  ])('a deadline of %s in a format that nobody asked for is %s', async (own, expected) => {
    const { scope, sent } = running()
    await scope.fetch(url, { headers: { 'grpc-timeout': own } })
    expect(sent().headers).toEqual({ 'grpc-timeout': expected, 'connect-timeout-ms': '1000' })
  })

  test('keeps the headers, and follows the signal, of a Request', async () => {
    const { scope, sent } = running()
    const own = new AbortController()
    const input = new Request(url, { headers: { 'x-own': 'yes' }, signal: own.signal })
    await scope.fetch(input)
    expect(sent().input).toBe(input)
    expect(sent().headers).toEqual({ 'x-own': 'yes', 'connect-timeout-ms': '1000' })
    const { signal } = sent().init
    expect(signal).not.toBe(scope.signal)
    own.abort(new Error('enough'))
    expect(signal!.reason).toMatchObject({ message: 'enough' })
    expect(scope.signal.aborted).toBe(false)
  })

  test('may be given the guarded request itself', async () => {
    const { scope, sent } = running()
    await scope.fetch(scope.request)
    expect(sent().init.signal).toBe(scope.signal)
  })

  test('sends nothing once the request has ended, and rejects with the reason', async () => {
    const { scope, clock, fetch } = running()
    await clock.advance(1_000)
    const error = await thrownBy(() => scope.fetch(url))
    expect(error).toBeInstanceOf(HandlerTimeoutError)
    expect(error).toBe(scope.reason)
    expect(fetch).not.toHaveBeenCalled()
  })

  test.each([
    ['the deadline is past but has not struck yet', 1_000, 0],
    ['less than a millisecond is left', 999.5, 0],
    ['only the reserve is left', 900, 100],
  ])('sends nothing when %s', async (_, passedMs, reserveMs) => {
    const { scope, clock, fetch } = running({ outbound: { reserveMs } })
    clock.block(passedMs)
    const error = await thrownBy(() => scope.fetch(url))
    expect(error).toBeInstanceOf(NoTimeLeftError)
    expect(error).toMatchObject({ name: 'TimeoutError', code: 'NO_TIME_LEFT', neededMs: reserveMs + 1 })
    expect(fetch).not.toHaveBeenCalled()
  })

  test('rejects with what fetch rejects with', async () => {
    const error = new TypeError('fetch failed')
    const { scope } = running({}, () => {
      throw error
    })
    expect(await thrownBy(() => scope.fetch(url))).toBe(error)
  })
})

describe("the caller's own signal", () => {
  function joined(answer?: () => unknown) {
    const own = new AbortController()
    const all = running({}, answer)
    const listening = countListeners(own.signal)
    return { ...all, own, listening, send: () => all.scope.fetch(url, { signal: own.signal }) }
  }

  test('ends the request as the scope does, whichever is first', async () => {
    const first = joined()
    await first.send()
    first.own.abort('own')
    expect(first.sent().init.signal!.reason).toBe('own')
    const second = joined()
    await second.send()
    await second.clock.advance(1_000)
    expect(second.sent().init.signal!.reason).toBe(second.scope.reason)
    expect(second.listening()).toBe(0)
  })

  test('may be aborted before', async () => {
    const { own, send, sent, listening } = joined()
    own.abort('own')
    await send()
    expect(sent().init.signal!.reason).toBe('own')
    expect(listening()).toBe(0)
  })

  test('may be none', async () => {
    const { scope, sent } = joined()
    await scope.fetch(new Request(url, { signal: AbortSignal.abort() }), { signal: null })
    expect(sent().init.signal).toBe(scope.signal)
  })

  test.each([
    ['text()', (response: Response) => response.text()],
    ['json()', (response: Response) => response.json()],
    ['arrayBuffer()', (response: Response) => response.arrayBuffer()],
    ['blob()', (response: Response) => response.blob()],
    ['its stream', (response: Response) => new Response(response.body).text()],
    ['cancelling it', (response: Response) => response.body!.cancel()],
  ])('is followed until the body has ended by %s', async (_, read) => {
    const { send, listening } = joined(() => Response.json({ hello: 'world' }))
    const response = await send()
    expect(listening()).toBe(1)
    await read(response)
    expect(listening()).toBe(0)
  })

  test('is followed no longer when the body breaks', async () => {
    const { stream, write, fail } = source()
    const { send, listening } = joined(() => new Response(stream))
    const response = await send()
    const text = response.text()
    write('half')
    fail(new Error('broke'))
    await expect(text).rejects.toThrow('broke')
    expect(listening()).toBe(0)
  })

  test('is not followed where there is no body, or no response', async () => {
    const empty = joined(() => new Response(null, { status: 204 }))
    await empty.send()
    expect(empty.listening()).toBe(0)
    const failed = joined(() => {
      throw new TypeError('fetch failed')
    })
    await thrownBy(failed.send)
    expect(failed.listening()).toBe(0)
  })

  test('leaves the response what it is', async () => {
    const { send } = joined(() =>
      Response.json({ hello: 'world' }, { status: 201, headers: { 'x-own': 'yes' } }),
    )
    const response = await send()
    expect(response.status).toBe(201)
    expect(response.headers.get('x-own')).toBe('yes')
    expect(response.bodyUsed).toBe(false)
    const copy = response.clone()
    expect(await response.json()).toEqual({ hello: 'world' })
    expect(response.bodyUsed).toBe(true)
    expect(await copy.json()).toEqual({ hello: 'world' })
  })
})

test.each([
  [{ headers: 'x-timeout-ms' }, 'outbound.headers'],
  [{ headers: [] }, 'outbound.headers'],
  [{ headers: true }, 'outbound.headers'],
  [{ reserveMs: -1 }, 'outbound.reserveMs'],
  [{ reserveMs: Number.POSITIVE_INFINITY }, 'outbound.reserveMs'],
  [{ fetch: 'fetch' }, 'outbound.fetch'],
  [{ format: 'grpc-timeout' }, 'outbound.format'],
])('a guard is not made for outbound: %j', async (outbound, option) => {
  const error = await thrownBy(() => guard(never, { outbound: outbound as never }))
  expect(error).toMatchObject({ code: 'INVALID_OPTION', option })
})
