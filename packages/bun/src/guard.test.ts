import { InvalidOptionError, ShutdownError, scopeOf } from '@curfew/core'
import { attachClient, attachedClient, OpenRequests } from '@curfew/core/adapter'
import { ManualClock } from '@curfew/core/testing'
import { describe, expect, test } from 'vitest'
import { BunClient } from './bun-client.ts'
import type { BunServer } from './bun-server.ts'
import { guard } from './guard.ts'

/** A server that says which idle timeouts it was told. */
function fakeServer() {
  const timeouts: number[] = []
  const server = { timeout: (_request: Request, seconds: number) => void timeouts.push(seconds) }
  return { server: server as unknown as BunServer, timeouts }
}

const get = (): Request => new Request('http://localhost/')
const never = (): Promise<Response> => new Promise(() => {})

describe('guard', () => {
  test('hands on request, server and `this`', async () => {
    const { server } = fakeServer()
    const request = get()
    const seen: unknown[] = []
    const guarded = guard(function (this: unknown, ...args: [Request, BunServer]) {
      seen.push(this, ...args)
      return new Response('done')
    })
    await guarded.call(server, request, server)
    expect(seen).toEqual([server, request, server])
    expect(seen[1]).toBe(request)
    expect(guarded.stats.outcomes.completed).toBe(1)
  })

  test('leaves the idle timeout alone for a handler that answers within the first tick', async () => {
    const clock = new ManualClock()
    const { server, timeouts } = fakeServer()
    const guarded = guard(async () => new Response('done'), { clock })
    await guarded(get(), server)
    await clock.advance(1_000)
    expect(timeouts).toEqual([])
  })

  test('switches it off while it follows the request, and on again for the reply', async () => {
    const clock = new ManualClock()
    const { server, timeouts } = fakeServer()
    const reply = guard(never, { clock, timeoutMs: 100, idleTimeout: 30 })(get(), server)
    await clock.advance(10)
    expect(timeouts).toEqual([0])
    await clock.advance(90)
    expect((await reply).status).toBe(503)
    expect(timeouts).toEqual([0, 30])
  })

  test('does so for a signal that is read at once, and leaves it on when it is read after the reply', async () => {
    const { server, timeouts } = fakeServer()
    const request = get()
    await guard((request) => {
      void request.signal
      return new Response('done')
    })(request, server)
    expect(timeouts).toEqual([0, 10])
    const late = get()
    await guard(() => new Response('done'))(late, server)
    void scopeOf(late).signal
    expect(timeouts).toEqual([0, 10])
  })

  test('keeps it off to the end of a stream that it follows', async () => {
    const { server, timeouts } = fakeServer()
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode('data: 1\n\n'))
        controller.close()
      },
    })
    const headers = { 'content-type': 'text/event-stream' }
    const reply = await guard(() => new Response(body, { headers }))(get(), server)
    expect(timeouts).toEqual([0])
    await reply.text()
    expect(timeouts).toEqual([0, 10])
  })

  test('says nothing of it where there is none, nor where there is no server', async () => {
    const { server, timeouts } = fakeServer()
    const read = (request: Request) => {
      void request.signal
      return new Response('done')
    }
    await guard(read, { idleTimeout: 0 })(get(), server)
    expect(timeouts).toEqual([])
    expect((await guard(read)(get())).status).toBe(200)
  })

  test('watches by a client that is there already: that of serve()', async () => {
    const clock = new ManualClock()
    const { server, timeouts } = fakeServer()
    const open = new OpenRequests()
    const request = get()
    const client = new BunClient(request, server, { open, idleTimeout: 20, websockets: true })
    attachClient(request, client)
    const reply = guard(never, { clock })(request, server)
    expect(attachedClient(request)).toBe(client)
    await clock.advance(10)
    expect([open.size, timeouts]).toEqual([1, [0]])
    open.shutDown()
    expect((await reply).status).toBe(503)
    expect(request.signal.reason).toBeInstanceOf(ShutdownError)
    expect([open.size, timeouts]).toEqual([0, [0, 20]])
  })

  test.each([-1, 1.5, 256, Number.NaN, '10'])('refuses an idleTimeout of %s', (idleTimeout) => {
    const make = () => guard(never, { idleTimeout: idleTimeout as number })
    expect(make).toThrow(InvalidOptionError)
    expect(make).toThrow('idleTimeout')
  })

  test('refuses what is no handler, and options that there are not', () => {
    expect(() => guard('handler' as never)).toThrow('Invalid option handler')
    expect(() => guard(never, { timeoutMS: 5 } as never)).toThrow('Invalid option timeoutMS')
  })
})
