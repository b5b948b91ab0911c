import { describe, expect, test, vi } from 'vitest'
import { deferred, never, observed, soon, source, thrownBy, watchedRequest } from '../test/support.ts'
import { attachClient, type Client, type ClientWatcher } from './client.ts'
import { ClientClosedError, guard, ShutdownError, streaming } from './index.ts'
import { OpenRequests, ServedClient } from './served-client.ts'

class WatchedClient extends ServedClient {
  readonly released = vi.fn()
  isStream?: (response: Response) => boolean

  get followedBy(): ClientWatcher {
    return this.follower!
  }

  override release(watcher: ClientWatcher): void {
    super.release(watcher)
    this.released()
  }
}

/** A guarded request of a server that can be told to stop. */
function served(
  handler: (request: Request) => Response | Promise<Response>,
  isStream?: (response: Response) => boolean,
) {
  const { options, ...seen } = observed({ timeoutMs: 1_000 })
  const open = new OpenRequests()
  const watched = watchedRequest()
  const client = new WatchedClient(watched.request, open)
  if (isStream) client.isStream = isStream
  attachClient(watched.request, client)
  const reply = guard(handler, options)(watched.request)
  return { ...seen, ...watched, open, reply, released: client.released, watcher: () => client.followedBy }
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

describe('a request of a server whose handler has read its signal', () => {
  test('is waited for no longer once it is answered, however long its signal goes on', async () => {
    const { open, reply, request, close, released } = served(async ({ signal }) => {
      void signal
      return new Response('done')
    })
    await soon(reply)
    expect([open.size, released.mock.calls.length]).toEqual([0, 1])
    close()
    expect(request.signal.reason).toBeInstanceOf(ClientClosedError)
  })

  test('nor if the signal is read only then', async () => {
    const { open, reply, request } = served(async () => new Response('done'))
    await soon(reply)
    expect(request.signal.aborted).toBe(false)
    expect(open.size).toBe(0)
  })

  test('is followed to the end of its body if the adapter says that this is a stream', async () => {
    const body = source()
    const { open, reply, request, outcomes, clock, released } = served(
      async ({ signal }) => {
        void signal
        return new Response(body.stream)
      },
      () => true,
    )
    const reader = (await soon(reply)).body!.getReader()
    expect([open.size, released.mock.calls.length]).toEqual([1, 0])
    await reader.cancel()
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'client-closed', phase: 'writing' }])
    expect(request.signal.reason).toBeInstanceOf(ClientClosedError)
    expect([open.size, released.mock.calls.length]).toEqual([0, 1])
  })

  test('the adapter is not asked about the body otherwise', async () => {
    const isStream = vi.fn(() => true)
    const { reply } = served(async () => new Response('done'), isStream)
    await soon(reply)
    expect(isStream).not.toHaveBeenCalled()
  })
})

describe('when the server breaks off its connections itself', () => {
  test('a pending handler has not been left by its client', async () => {
    const { open, clock, close, outcomes, request, reply } = served(never)
    await clock.advance(10)
    open.cutOff()
    close()
    await soon(reply)
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'failed', error: expect.any(ShutdownError) }])
    expect(request.signal.reason).toBeInstanceOf(ShutdownError)
  })

  test('nor has one that nobody followed by then, whatever it does', async () => {
    const failing = deferred<Response>()
    const { open, clock, close, outcomes } = served(() => failing.promise)
    open.cutOff()
    close()
    failing.reject(new Error('boom'))
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'failed', error: { message: 'boom' } }])
    const other = served(never)
    other.open.cutOff()
    other.close()
    await other.clock.advance(10)
    expect(other.outcomes).toMatchObject([{ kind: 'failed', error: expect.any(ShutdownError) }])
  })

  test('a signal that goes on after its request is told so', async () => {
    const { open, close, request } = served((request) => {
      void request.signal
      return new Response('a body that takes long')
    })
    open.cutOff()
    close()
    expect(request.signal.reason).toBeInstanceOf(ShutdownError)
  })
})

describe('what an adapter is told', () => {
  test('when a reply is handed over: how the request was decided', async () => {
    const told: unknown[] = []
    function sendingOf(handler: () => Response | Promise<Response>) {
      const { options, clock } = observed({ timeoutMs: 1_000 })
      const { request } = watchedRequest()
      const client: Client = new ServedClient(request)
      client.sending = ({ kind }) => void told.push(kind)
      attachClient(request, client)
      void guard(handler, options)(request)
      return clock
    }
    sendingOf(() => new Response('done'))
    sendingOf(() => events().response)
    await sendingOf(never).advance(1_000)
    expect(told).toEqual(['completed', 'completed', 'timed-out'])
  })

  test('runs the listeners of the signal in the context in which that was first read', async () => {
    const contexts: string[] = []
    let current = 'handler'
    const { options, clock } = observed({ timeoutMs: 1_000 })
    const { request } = watchedRequest()
    const client: Client = new ServedClient(request)
    client.snapshot = () => {
      const taken = current
      return (work) => {
        const before = current
        current = taken
        work()
        current = before
      }
    }
    attachClient(request, client)
    void guard((request) => {
      request.signal.addEventListener('abort', () => contexts.push(current))
      return never()
    }, options)(request)
    current = 'timer'
    await clock.advance(1_000)
    expect([contexts, current]).toEqual([['handler'], 'timer'])
  })
})

describe('an event stream of a server', () => {
  test('has an end with its stream: nothing follows the client any longer', async () => {
    const { response, controller } = events()
    const { reply, open, listeners } = served((request) => {
      void request.signal
      return response
    })
    const text = (await reply).text()
    controller.close()
    await soon(text)
    expect([open.size, listeners()]).toEqual([0, 0])
  })

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

  test('is broken off with that error when the adapter has nothing else to cut it off with', async () => {
    const { response, cancel } = events()
    const { reply, clock, outcomes, watcher } = served(() => response)
    const text = (await reply).text()
    const error = new ShutdownError()
    await clock.advance(0)
    watcher().breakOff(error)
    expect(await thrownBy(() => text)).toBe(error)
    expect(cancel).toHaveBeenCalledWith(error)
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ kind: 'failed', phase: 'streaming', error }])
  })

  test('so is what was marked as streaming; any other response is not touched', async () => {
    const marked = streaming(new Response('a, b'))
    expect(await served(() => marked).reply).not.toBe(marked)
    const plain = new Response('a, b')
    expect(served(() => plain).reply).toBe(plain)
    expect(plain.bodyUsed).toBe(false)
  })
})

describe('what a server counts of its requests', () => {
  test('a handler that is answered for, be it followed before or after the server stops', async () => {
    const { open, clock, reply } = served(never)
    await clock.advance(10)
    open.shutDown()
    expect(open.shutDowns).toBe(1)
    await soon(reply)
    const later = served(never)
    later.open.shutDown()
    expect(later.open.shutDowns).toBe(0)
    await later.clock.advance(10)
    expect(later.open.shutDowns).toBe(1)
  })

  test('a body that is followed is under way until it ends, and is not answered for', async () => {
    const { response, controller } = events()
    const { open, reply } = served(async () => response)
    open.began()
    expect([open.begun, open.underWay]).toEqual([1, 1])
    const text = (await soon(reply)).text()
    open.answered()
    expect([open.begun, open.underWay]).toEqual([1, 1])
    open.shutDown()
    controller.close()
    await text
    expect([open.begun, open.underWay, open.shutDowns]).toEqual([1, 0, 0])
  })
})
