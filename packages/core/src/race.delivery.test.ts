import { describe, expect, test } from 'vitest'
import { deferred, FakeClient, get, never, observed, soon } from '../test/support.ts'
import { attachClient } from './client.ts'
import { ClientClosedError, type GuardOptions, guard, type HandlerResult, ShutdownError } from './index.ts'

type Handler = (request: Request) => HandlerResult | PromiseLike<HandlerResult>

function exchange(handler: Handler, given: GuardOptions = {}, cheap = true) {
  const { clock, outcomes, late, options } = observed(given)
  const client = new FakeClient({ tellsDelivery: true, cheap })
  const request = get()
  attachClient(request, client)
  const guarded = guard(handler, options)
  const reply = guarded(request)
  return { clock, outcomes, late, client, request, guarded, reply }
}

const handlers: [string, Handler][] = [
  ['synchronous', () => new Response('hello')],
  ['asynchronous', async () => new Response('hello')],
]

describe.each(handlers)('a client that tells how the writing goes, after a %s response', (_, handler) => {
  test('it is completed only once it is delivered', async () => {
    const { clock, outcomes, client, reply, guarded } = exchange(handler)
    expect((await soon(reply)).status).toBe(200)
    await clock.advance(50)
    expect(outcomes).toEqual([])
    expect(guarded.stats).toMatchObject({ active: 0, outcomes: { completed: 0 } })
    client.deliver()
    await clock.advance(0)
    expect(outcomes).toEqual([{ kind: 'completed', status: 200, elapsedMs: 0 }])
    expect(guarded.stats.outcomes.completed).toBe(1)
    expect(client.watchers).toBe(0)
    expect(clock.pending).toBe(0)
  })

  test('leaving before that is a disconnect while writing', async () => {
    const { clock, outcomes, client, reply, request } = exchange(handler)
    await soon(reply)
    await clock.advance(40)
    const { signal } = request
    client.close()
    await clock.advance(0)
    expect(outcomes).toEqual([{ kind: 'client-closed', phase: 'writing', status: 499, elapsedMs: 40 }])
    expect(signal.reason).toBeInstanceOf(ClientClosedError)
    expect(client.watchers).toBe(0)
  })

  test('breaking before that is a failure while streaming', async () => {
    const { clock, outcomes, client, reply, request } = exchange(handler)
    await soon(reply)
    await clock.advance(40)
    const error = new Error('source broke')
    client.break(error)
    await clock.advance(0)
    expect(outcomes).toEqual([{ kind: 'failed', phase: 'streaming', status: 200, elapsedMs: 40, error }])
    expect(request.signal.aborted).toBe(false)
    expect(client.watchers).toBe(0)
  })

  test('breaking before its head is a failure of the handler, with the status that was sent instead', async () => {
    const { clock, outcomes, client, reply } = exchange(handler)
    await soon(reply)
    const error = new Error('invalid header')
    client.break(error, 500)
    await clock.advance(0)
    expect(outcomes).toEqual([{ kind: 'failed', phase: 'handling', status: 500, elapsedMs: 0, error }])
    expect(client.watchers).toBe(0)
  })

  test.each([
    ['delivered twice', (client: FakeClient) => client.deliver()],
    ['delivered, then closed', (client: FakeClient) => client.close()],
    ['delivered, then broken', (client: FakeClient) => client.break(new Error('late'))],
  ])('%s is recorded once', async (_, then) => {
    const { clock, outcomes, client, reply, guarded } = exchange(handler)
    await soon(reply)
    client.deliver()
    then(client)
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'completed' }])
    expect(guarded.stats.outcomes).toMatchObject({ completed: 1, 'client-closed': 0, failed: 0 })
  })
})

describe('a client that tells how the writing goes', () => {
  test('leaving while a timeout response is written leaves it a timeout', async () => {
    const { clock, outcomes, client, request } = exchange(never, { timeoutMs: 100 })
    await clock.advance(100)
    expect(outcomes).toEqual([])
    client.close()
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'timed-out', phase: 'handling', status: 503 }])
    expect(request.signal.reason).toMatchObject({ code: 'HANDLER_TIMEOUT' })
    expect(client.watchers).toBe(0)
  })

  test('leaving while a 500 is written leaves it a failure', async () => {
    const error = new Error('boom')
    const { clock, outcomes, client, reply } = exchange(() => Promise.reject(error))
    expect((await soon(reply)).status).toBe(500)
    client.close()
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'failed', phase: 'handling', error }])
  })

  test('breaking while a timeout response is written leaves it a timeout', async () => {
    const { clock, outcomes, client } = exchange(never, { timeoutMs: 100 })
    await clock.advance(100)
    client.break(new Error('broke'))
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'timed-out', phase: 'handling' }])
  })

  test('leaving while the handler runs is recorded at once', async () => {
    const { clock, outcomes, client, reply } = exchange(never)
    await clock.advance(5)
    client.close()
    expect((await soon(reply)).status).toBe(499)
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'client-closed', phase: 'handling', elapsedMs: 5 }])
    expect(client.watchers).toBe(0)
  })

  test('having left unseen before a synchronous response is a disconnect while writing', async () => {
    const { clock, outcomes, options } = observed()
    const client = new FakeClient({ tellsDelivery: true })
    const request = get()
    attachClient(request, client)
    guard(() => {
      client.close()
      return new Response()
    }, options)(request)
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'client-closed', phase: 'writing' }])
    expect(client.watchers).toBe(0)
  })

  test('a refusal is recorded once it is delivered', async () => {
    const { clock, outcomes, client } = exchange(never, { inbound: () => 0 })
    await clock.advance(0)
    expect(outcomes).toEqual([])
    client.deliver()
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'rejected' }])
    expect(client.watchers).toBe(0)
  })

  test('a rethrown error is recorded once the reply to it is delivered', async () => {
    const error = new Error('boom')
    const { clock, outcomes, client, reply } = exchange(() => Promise.reject(error), { rethrow: true })
    await expect(reply).rejects.toBe(error)
    client.deliver()
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'failed', error }])
  })

  test('a late settlement is counted at once, and told after the ending', async () => {
    const work = deferred<Response>()
    const told: string[] = []
    const { clock, client, guarded } = exchange(() => work.promise, {
      timeoutMs: 10,
      onOutcome: ({ kind }) => told.push(kind),
      onLateSettlement: ({ kind, afterMs }) => told.push(`late: ${kind} after ${afterMs}`),
    })
    await clock.advance(10)
    await clock.advance(5)
    work.resolve(new Response())
    await clock.advance(20)
    expect(told).toEqual([])
    expect(guarded.stats).toMatchObject({ active: 0, abandoned: 0, late: { completed: 1 } })
    client.deliver()
    await clock.advance(0)
    expect(told).toEqual(['timed-out', 'late: completed after 5'])
  })

  test('a server that stops is told by it, too', async () => {
    const { clock, outcomes, late, client, request, reply } = exchange(
      (own) =>
        new Promise((_, reject) => {
          own.signal.addEventListener('abort', () => reject(own.signal.reason))
        }),
    )
    await clock.advance(30)
    client.shutDown()
    const response = await soon(reply)
    expect(response?.status).toBe(503)
    expect(await response?.json()).toMatchObject({ code: 'SHUTDOWN' })
    client.deliver()
    await clock.advance(0)
    expect(request.signal.reason).toBeInstanceOf(ShutdownError)
    expect(outcomes).toMatchObject([{ kind: 'failed', phase: 'handling', status: 503, elapsedMs: 30 }])
    expect(late).toMatchObject([{ kind: 'cancelled' }])
  })

  test('a server that stops after the response has been handed over changes nothing', async () => {
    const { clock, outcomes, client, reply } = exchange(async () => new Response())
    await soon(reply)
    client.shutDown()
    client.deliver()
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'completed' }])
  })

  test('having left unseen at a shutdown is a disconnect, and no failure', async () => {
    const stop = new AbortController()
    const { clock, outcomes, client, request } = exchange(never, { shutdown: stop.signal }, false)
    client.close()
    stop.abort()
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'client-closed', phase: 'handling' }])
    expect(request.signal.reason).toBeInstanceOf(ClientClosedError)
    expect(client.watchers).toBe(0)
  })

  test('the outcome and the reason agree when it had left unseen at the deadline', async () => {
    const { clock, outcomes, client, request } = exchange(never, { timeoutMs: 5 }, false)
    client.close()
    await clock.advance(5)
    expect(outcomes).toHaveLength(1)
    const reasons: Record<string, string> = {
      'timed-out': 'HANDLER_TIMEOUT',
      'client-closed': 'CLIENT_CLOSED',
    }
    expect(request.signal.reason).toMatchObject({ code: reasons[outcomes[0]!.kind] })
  })
})
