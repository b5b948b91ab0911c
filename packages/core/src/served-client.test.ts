import { describe, expect, test, vi } from 'vitest'
import { deferred, never, observed, soon, watchedRequest } from '../test/support.ts'
import { attachClient } from './client.ts'
import { guard, ShutdownError, streaming } from './index.ts'
import { OpenRequests, ServedClient } from './served-client.ts'

/** A guarded request of a server that can be told to stop. */
function served(handler: (request: Request) => Response | Promise<Response>) {
  const { options, ...seen } = observed({ timeoutMs: 1_000 })
  const open = new OpenRequests()
  const watched = watchedRequest()
  attachClient(watched.request, new ServedClient(watched.request, open))
  const reply = guard(handler, options)(watched.request)
  return { ...seen, ...watched, open, reply }
}

function events(cancel = vi.fn()) {
  let controller!: ReadableStreamDefaultController<Uint8Array>
  const body = new ReadableStream<Uint8Array>({
    start(own) {
      controller = own
    },
    cancel,
  })
  const response = new Response(body, { headers: { 'content-type': 'text/event-stream; charset=utf-8' } })
  return { response, controller, cancel }
}

describe('a request of a server', () => {
  test('is not among the open ones before it has lived for the first tick', async () => {
    const { open, clock, seen } = served(never)
    await clock.advance(9)
    expect([open.size, seen.reads]).toEqual([0, 0])
    await clock.advance(1)
    expect([open.size, seen.reads]).toEqual([1, 1])
  })

  test('is among them until it is answered', async () => {
    const work = deferred<Response>()
    const { open, clock, reply, listeners } = served(() => work.promise)
    await clock.advance(10)
    work.resolve(new Response('done'))
    expect(await (await soon(reply)).text()).toBe('done')
    expect([open.size, listeners()]).toEqual([0, 0])
  })

  test('leaves them when its client does', async () => {
    const { open, clock, close, outcomes } = served(never)
    await clock.advance(10)
    close()
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'client-closed', phase: 'handling' }])
    expect(open.size).toBe(0)
  })

  test('is answered 503 when the server stops, and told why', async () => {
    const { open, clock, reply, outcomes, request } = served(never)
    await clock.advance(10)
    open.shutDown()
    expect((await soon(reply)).status).toBe(503)
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'failed', error: expect.any(ShutdownError) }])
    expect(request.signal.reason).toBeInstanceOf(ShutdownError)
  })

  test('is answered 503, too, if nobody followed it when the server stopped', async () => {
    const { open, clock, reply } = served(never)
    open.shutDown()
    await clock.advance(10)
    expect((await soon(reply)).status).toBe(503)
    expect(open.size).toBe(0)
  })
})

describe('an event stream of a server', () => {
  test('is recorded when it has ended', async () => {
    const { response, controller } = events()
    const { reply, clock, outcomes, open } = served(() => response)
    const text = (await reply).text()
    await clock.advance(0)
    expect([outcomes, open.size]).toEqual([[], 1])
    controller.enqueue(new TextEncoder().encode('data: 1\n\n'))
    controller.close()
    expect(await soon(text)).toBe('data: 1\n\n')
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'completed', status: 200 }])
    expect(open.size).toBe(0)
  })

  test('is recorded as the end of its reader when that cancels', async () => {
    const { response, cancel } = events()
    const { reply, clock, outcomes } = served(() => response)
    await (await reply).body!.cancel()
    await clock.advance(0)
    expect(cancel).toHaveBeenCalledTimes(1)
    expect(outcomes).toMatchObject([{ kind: 'client-closed', phase: 'writing' }])
  })

  test('is recorded as broken off by the server when that stops waiting', async () => {
    const { response } = events()
    const { reply, clock, outcomes, open } = served(() => response)
    await reply
    open.shutDown()
    await clock.advance(0)
    expect(outcomes).toEqual([])
    open.cutOff()
    await clock.advance(0)
    expect(outcomes).toMatchObject([
      { kind: 'failed', phase: 'streaming', status: 200, error: expect.any(ShutdownError) },
    ])
  })

  test('so is what was marked as streaming; any other response is not touched', async () => {
    const marked = streaming(new Response('a, b'))
    expect(await served(() => marked).reply).not.toBe(marked)
    const plain = new Response('a, b')
    expect(served(() => plain).reply).toBe(plain)
    expect(plain.bodyUsed).toBe(false)
  })
})
