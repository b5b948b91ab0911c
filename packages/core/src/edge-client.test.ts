import { describe, expect, test, vi } from 'vitest'
import { deferred, get, never, observed, soon } from '../test/support.ts'
import { attachClient } from './client.ts'
import { EdgeClient } from './edge-client.ts'
import { type GuardOptions, guard, type Handler, scopeOf } from './index.ts'

/** A guarded request as an edge has it, and what it was asked to wait for. */
function onEdge(handler: Handler, { cf, ...given }: GuardOptions & { cf?: object } = {}, request = get()) {
  const { options, ...seen } = observed({ timeoutMs: 100, ...given })
  const waitUntil = vi.fn<(work: Promise<unknown>) => void>()
  const client = new EdgeClient(cf ? Object.assign(request, { cf }) : request, { waitUntil })
  attachClient(request, client)
  const guarded = guard(handler, options)
  return { ...seen, client, waitUntil, guarded, request, reply: guarded(request) }
}

describe('on an edge', () => {
  test('a response that is there at once is nothing to wait for', () => {
    const { waitUntil } = onEdge(() => new Response())
    expect(waitUntil).not.toHaveBeenCalled()
  })

  test('a handler that is not done is to be waited for, once, until it is', async () => {
    const work = deferred<Response>()
    const { waitUntil, clock, reply } = onEdge(() => work.promise)
    expect(waitUntil).toHaveBeenCalledTimes(1)
    const isDone = vi.fn()
    void waitUntil.mock.calls[0]![0].then(isDone)
    await clock.advance(100)
    expect((await soon(reply)).status).toBe(503)
    expect(isDone).not.toHaveBeenCalled()
    work.resolve(new Response())
    await clock.advance(0)
    expect(isDone).toHaveBeenCalledTimes(1)
    expect(waitUntil).toHaveBeenCalledTimes(1)
  })

  test('so is the draining of its body', async () => {
    let controller!: ReadableStreamDefaultController<Uint8Array>
    const body = new ReadableStream<Uint8Array>({
      start(own) {
        controller = own
      },
    })
    const { waitUntil, clock, reply } = onEdge(() => new Response(body), { buffer: true })
    const isDone = vi.fn()
    void waitUntil.mock.calls[0]![0].then(isDone)
    await clock.advance(1)
    expect(isDone).not.toHaveBeenCalled()
    controller.close()
    expect((await soon(reply)).status).toBe(200)
    await clock.advance(0)
    expect(isDone).toHaveBeenCalledTimes(1)
  })

  test('it never rejects', async () => {
    const { waitUntil, reply } = onEdge(
      async () => {
        throw new Error('boom')
      },
      { rethrow: true },
    )
    await expect(soon(reply)).rejects.toThrow('boom')
    await expect(waitUntil.mock.calls[0]![0]).resolves.toBe(undefined)
  })

  test('hooks that are asynchronous are to be waited for', async () => {
    const told = deferred<void>()
    const { waitUntil, clock } = onEdge(() => new Response(), { onOutcome: () => told.promise })
    await clock.advance(0)
    expect(waitUntil).toHaveBeenCalledTimes(1)
    told.resolve()
    await expect(soon(waitUntil.mock.calls[0]![0])).resolves.toBe(undefined)
  })

  test('what goes on by scope.waitUntil() is to be waited for', () => {
    const { waitUntil } = onEdge((request) => {
      scopeOf(request).waitUntil(Promise.resolve())
      return new Response()
    })
    expect(waitUntil).toHaveBeenCalledTimes(1)
  })

  test("the guard's own waitUntil is asked instead", async () => {
    const own = vi.fn()
    const { waitUntil, request } = onEdge(never, { waitUntil: own })
    expect(waitUntil).not.toHaveBeenCalled()
    expect(own.mock.calls).toEqual([[expect.any(Promise), request]])
  })

  test('half an upload is a client that left', async () => {
    const body = new ReadableStream(
      { pull: (controller) => controller.error(new Error('connection lost')) },
      { highWaterMark: 0 },
    )
    const request = new Request('http://localhost/', { method: 'POST', body, duplex: 'half' } as RequestInit)
    const { outcomes, clock, guarded } = onEdge(
      async (own) => new Response(await own.text()),
      { onLateSettlement: () => {} },
      request,
    )
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'client-closed', phase: 'handling' }])
    expect(guarded.stats).toMatchObject({ active: 0, abandoned: 0 })
  })

  test.each([
    [{ colo: 'FRA' }, { region: 'FRA' }],
    [{ colo: 7 }, {}],
    [{}, {}],
    [undefined, {}],
  ])('%j says where it is', (cf, where) => {
    expect(onEdge(() => new Response(), cf && { cf }).client.where).toEqual(where)
  })
})
