import { describe, expect, test } from 'vitest'
import { deferred, FakeClient, get, never, observed, soon, watchedRequest } from '../test/support.ts'
import { attachClient } from './client.ts'
import { ClientClosedError, guard, scopeOf } from './index.ts'

const withClient = (client: FakeClient): Request => {
  const request = get()
  attachClient(request, client)
  return request
}

describe('following the client', () => {
  test('the signal of the runtime is not touched within the first 10 ms', async () => {
    const { options, clock } = observed()
    const { request, seen } = watchedRequest()
    const work = deferred<Response>()
    const reply = guard(() => work.promise, options)(request)
    await clock.advance(9)
    work.resolve(new Response())
    await soon(reply)
    await clock.advance(100)
    expect(seen).toEqual({ reads: 0, added: 0, removed: 0 })
    expect(clock.pending).toBe(0)
  })

  test('it is followed after that', async () => {
    const { outcomes, options, clock } = observed()
    const { request, seen, close } = watchedRequest()
    void guard(never, options)(request)
    await clock.advance(10)
    expect(seen.added).toBe(1)
    close()
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'client-closed', elapsedMs: 10 }])
  })

  test('a client that leaves within the first 10 ms is noticed after them', async () => {
    const { outcomes, options, clock } = observed()
    const { request, close } = watchedRequest()
    void guard(never, options)(request)
    await clock.advance(3)
    close()
    await clock.advance(7)
    expect(outcomes).toMatchObject([{ kind: 'client-closed', elapsedMs: 10 }])
    expect(clock.pending).toBe(0)
  })

  test('it is followed as soon as the handler reads its signal', async () => {
    const { outcomes, options, clock } = observed()
    const { request, seen, close } = watchedRequest()
    void guard((own: Request) => own.signal && never(), options)(request)
    expect(seen.added).toBe(1)
    close()
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'client-closed', elapsedMs: 0 }])
  })

  test('a signal that is first read after the client has left is aborted', async () => {
    const { outcomes, options, clock } = observed()
    const { request, close } = watchedRequest()
    let aborted = false
    const reply = guard((own: Request) => {
      close()
      aborted = own.signal.aborted
      return never()
    }, options)(request)
    expect(aborted).toBe(true)
    expect(request.signal.reason).toBeInstanceOf(ClientClosedError)
    expect((await soon(reply)).status).toBe(499)
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'client-closed' }])
  })

  test('watch: eager follows it at once', async () => {
    const { outcomes, options, clock } = observed({ watch: 'eager' })
    const { request, seen, close } = watchedRequest()
    void guard(never, options)(request)
    expect(seen.added).toBe(1)
    close()
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'client-closed', elapsedMs: 0 }])
  })

  test('an attached client that costs nothing is watched at once, and the signal is left alone', async () => {
    const { outcomes, options, clock } = observed()
    const { request, seen } = watchedRequest()
    const client = new FakeClient()
    attachClient(request, client)
    void guard((own: Request) => own.signal && never(), options)(request)
    expect(client.watchers).toBe(1)
    client.close()
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'client-closed' }])
    expect(seen.reads).toBe(0)
  })

  test('an attached client that has a cost is watched after 10 ms', async () => {
    const { options, clock } = observed()
    const client = new FakeClient({ cheap: false })
    void guard(never, options)(withClient(client))
    await clock.advance(9)
    expect(client.watchers).toBe(0)
    await clock.advance(1)
    expect(client.watchers).toBe(1)
  })

  test('a request without a signal is guarded as well', async () => {
    const { outcomes, options, clock } = observed({ timeoutMs: 50 })
    const request = get()
    Object.setPrototypeOf(
      request,
      Object.create(Object.getPrototypeOf(request), { signal: { value: undefined } }),
    )
    void guard(never, options)(request)
    await clock.advance(50)
    expect(outcomes).toMatchObject([{ kind: 'timed-out' }])
    expect(request.signal.aborted).toBe(true)
  })
})

describe('after the ending', () => {
  const endings: [string, (work: ReturnType<typeof deferred<Response>>, close: () => void) => void][] = [
    ['a response', (work) => work.resolve(new Response())],
    ['a failure', (work) => work.reject(new Error('boom'))],
    ['a disconnect', (_, close) => close()],
    ['a timeout', () => {}],
  ]

  test.each(endings)('with %s no listener and no timer is left', async (_, end) => {
    const { outcomes, options, clock } = observed({ timeoutMs: 100 })
    const { request, listeners, close } = watchedRequest()
    const work = deferred<Response>()
    void guard(() => work.promise, options)(request)
    await clock.advance(20)
    expect(listeners()).toBe(1)
    end(work, close)
    await clock.advance(80)
    expect(outcomes).toHaveLength(1)
    expect(listeners()).toBe(0)
    expect(clock.pending).toBe(0)
  })

  test.each(endings)('with %s an attached client is left alone', async (_, end) => {
    const { outcomes, options, clock } = observed({ timeoutMs: 100 })
    const client = new FakeClient()
    const work = deferred<Response>()
    void guard(() => work.promise, options)(withClient(client))
    expect(client.watchers).toBe(1)
    end(work, () => client.close())
    await clock.advance(100)
    expect(outcomes).toHaveLength(1)
    expect(client.watchers).toBe(0)
    expect(clock.pending).toBe(0)
  })

  test('with a response a signal that was read goes on following the client', async () => {
    const { outcomes, options, clock } = observed()
    const { request, listeners, close } = watchedRequest()
    const guarded = guard(async (own: Request) => {
      const { signal } = own
      return new Response(new ReadableStream({ cancel() {} }), {
        headers: { 'x-aborted': `${signal.aborted}` },
      })
    }, options)
    await soon(guarded(request))
    await clock.advance(1_000)
    expect(request.signal.aborted).toBe(false)
    close('gone')
    expect(request.signal.reason).toBeInstanceOf(ClientClosedError)
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'completed' }])
    expect(scopeOf(request).outcome).toBe(outcomes[0])
    expect(listeners()).toBe(0)
  })

  test('with a response a signal that is first read then follows the client, too', async () => {
    const { options } = observed()
    const { request, close } = watchedRequest()
    guard(() => new Response(), options)(request)
    expect(request.signal.aborted).toBe(false)
    close()
    expect(request.signal.reason).toBeInstanceOf(ClientClosedError)
  })

  test('the same where it took so long that the client was followed already', async () => {
    const { options, clock } = observed()
    const { request, close, listeners } = watchedRequest()
    const work = deferred<Response>()
    const reply = guard(() => work.promise, options)(request)
    await clock.advance(10)
    work.resolve(new Response('stream'))
    await soon(reply)
    expect(listeners()).toBe(0)
    const { signal } = request
    close()
    expect(signal.reason).toBeInstanceOf(ClientClosedError)
    expect(listeners()).toBe(0)
  })

  test('the same request object starts a new race', async () => {
    const { outcomes, options, clock } = observed({ timeoutMs: 100 })
    const request = get()
    const guarded = guard(never, options)
    void guarded(request)
    await clock.advance(100)
    const first = scopeOf(request)
    void guarded(request)
    expect(scopeOf(request)).not.toBe(first)
    expect(request.signal.aborted).toBe(false)
    await clock.advance(99)
    expect(outcomes).toHaveLength(1)
    await clock.advance(1)
    expect(outcomes.map(({ kind, elapsedMs }) => [kind, elapsedMs])).toEqual([
      ['timed-out', 100],
      ['timed-out', 100],
    ])
    expect(guarded.stats.outcomes['timed-out']).toBe(2)
    expect(clock.pending).toBe(0)
  })
})

describe('a client that has yet to send what the handler waits for', () => {
  function owing(): FakeClient {
    return Object.assign(new FakeClient(), { owesBody: () => true })
  }

  test('is who was slow: a 408 on a connection that ends with it', async () => {
    const { outcomes, late, options, clock } = observed({ timeoutMs: 100 })
    const request = withClient(owing())
    const work = deferred()
    const reply = guard(() => work.promise, options)(request)
    await clock.advance(100)
    const response = (await soon(reply))!
    expect(response.status).toBe(408)
    expect(response.headers.get('connection')).toBe('close')
    expect(await response.json()).toEqual({
      type: 'about:blank',
      title: 'Request Timeout',
      status: 408,
      code: 'REQUEST_TIMEOUT',
    })
    expect(outcomes).toEqual([
      { kind: 'timed-out', phase: 'receiving', status: 408, elapsedMs: 100, timeoutMs: 100, lateMs: 0 },
    ])
    expect(request.signal.reason).toMatchObject({ code: 'HANDLER_TIMEOUT' })
    work.resolve(new Response())
    await clock.advance(0)
    expect(late).toMatchObject([{ kind: 'completed' }])
  })

  test('is so whatever status slow handlers get', async () => {
    const { options, clock } = observed({ timeoutMs: 100, timeoutStatus: 504 })
    const reply = guard(never, options)(withClient(owing()))
    await clock.advance(100)
    expect((await soon(reply))!.status).toBe(408)
  })

  test('gets what there is instead of a timeout response, which may tell it apart', async () => {
    const { outcomes, options, clock } = observed({
      timeoutMs: 100,
      timeoutResponse: ({ phase }) =>
        phase === 'receiving' ? new Response('slow', { status: 418 }) : 'late',
    })
    const reply = guard(never, options)(withClient(owing()))
    await clock.advance(100)
    const response = (await soon(reply))!
    expect([response.status, await response.text()]).toEqual([418, 'slow'])
    expect(outcomes).toMatchObject([{ phase: 'receiving', status: 418 }])
  })

  test('is asked only when the deadline strikes', async () => {
    let asked = 0
    const client = Object.assign(new FakeClient(), { owesBody: () => ++asked > 0 })
    const { options, clock } = observed({ timeoutMs: 100 })
    const reply = guard(async () => new Response('in time'), options)(withClient(client))
    expect((await soon(reply))!.status).toBe(200)
    await clock.advance(1_000)
    expect(asked).toBe(0)
  })
})
