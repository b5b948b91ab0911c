import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createHttp2Server, type Http2Server } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { guard, InvalidOptionError, NotGuardedError, type Outcome, scopeOf } from '@curfew/core'
import { ManualClock } from '@curfew/core/testing'
import { describe, expect, onTestFinished, test } from 'vitest'
import { get, RawClient } from '../test/raw-client.ts'
import {
  call,
  deferred,
  fetched,
  Journal,
  never,
  session,
  startUnguarded,
  watchOutput,
} from '../test/support.ts'
import { type Bindings, createListener, type FetchHandler, type ListenerOptions, serve } from './index.ts'

/** A plain server of Node around the listener, closed when the test is over. */
async function around(fetch: FetchHandler, options?: ListenerOptions) {
  const listener = createListener(fetch, options)
  const calls: { incoming: IncomingMessage; outgoing: ServerResponse; sentAtOnce: boolean }[] = []
  const server = createServer((incoming, outgoing) => {
    listener(incoming, outgoing)
    calls.push({ incoming, outgoing, sentAtOnce: outgoing.headersSent })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  )
  return { port: (server.address() as AddressInfo).port, calls }
}

describe('options', () => {
  test('any option of a guard guards the handler', async () => {
    const clock = new ManualClock()
    const begun = deferred<void>()
    const handler = () => {
      begun.resolve()
      return never()
    }
    const { port } = await around(handler, { timeoutMs: 5_000, clock })
    const answer = fetched('http', port)
    await begun.promise
    await clock.advance(5_000)
    expect((await answer).status).toBe(503)
  })

  test('without one the handler is not guarded', async () => {
    const thrown = deferred<unknown>()
    const { port } = await around((request: Request) => {
      try {
        scopeOf(request)
      } catch (error) {
        thrown.resolve(error)
      }
      return new Response(String(Object.hasOwn(request, 'signal')))
    })
    expect((await fetched('http', port)).body).toBe('false')
    expect(await thrown.promise).toBeInstanceOf(NotGuardedError)
  })

  test('what is meant for node-server alone guards nothing', async () => {
    const { port } = await around(
      (request: Request) => new Response(String(Object.hasOwn(request, 'signal'))),
      { hostname: 'fallback.test', overrideGlobalObjects: true, autoCleanupIncoming: true },
    )
    expect((await fetched('http', port)).body).toBe('false')
  })

  test('the hostname stands in for the Host header that a request lacks', async () => {
    const { port } = await around((request: Request) => new Response(request.url), {
      hostname: 'fallback.test',
    })
    const client = await RawClient.sending(port, 'GET /a HTTP/1.0\r\n\r\n')
    expect((await client.rest())[0]?.body).toBe('http://fallback.test/a')
  })

  test.each([
    ['an unknown name', { timeout: 5 }, 'timeout'],
    ['an impossible value', { timeoutMs: 0 }, 'timeoutMs'],
  ])('%s is refused with the option named', (_, options, option) => {
    const handler = () => new Response()
    for (const make of [
      () => createListener(handler, options as ListenerOptions),
      () => serve({ fetch: handler, port: 0, ...options }),
    ]) {
      let thrown: unknown
      try {
        make()
      } catch (error) {
        thrown = error
      }
      expect(thrown).toBeInstanceOf(InvalidOptionError)
      expect(thrown).toMatchObject({ option, message: expect.stringContaining(option) })
    }
  })
})

describe('what the handler is given', () => {
  test("Node's own objects, by identity", async () => {
    const seen = deferred<Bindings>()
    const { port, calls } = await around(
      (_: Request, env: Bindings) => {
        seen.resolve(env)
        return new Response()
      },
      { timeoutMs: 5_000 },
    )
    await fetched('http', port)
    const env = await seen.promise
    expect(env.incoming).toBe(calls[0]?.incoming)
    expect(env.outgoing).toBe(calls[0]?.outgoing)
  })

  test('the same objects reach a guard further in', async () => {
    const outer = deferred<[Request, Bindings]>()
    const inner = deferred<[Request, Bindings]>()
    const guarded = guard((request: Request, env: Bindings) => {
      inner.resolve([request, env])
      return new Response()
    })
    const { port } = await around((request: Request, env: Bindings) => {
      outer.resolve([request, env])
      return guarded(request, env)
    })
    await fetched('http', port)
    const [request, env] = await inner.promise
    expect(request).toBe((await outer.promise)[0])
    expect(env).toBe((await outer.promise)[1])
  })

  test('hooks are given the very request that the handler had', async () => {
    const handled = deferred<Request>()
    const told = deferred<Request>()
    const { port } = await around(
      (request: Request) => {
        handled.resolve(request)
        return new Response()
      },
      { onOutcome: (_: Outcome, request: Request) => told.resolve(request) },
    )
    await fetched('http', port)
    expect(await told.promise).toBe(await handled.promise)
    expect((await handled.promise) instanceof Request).toBe(true)
  })

  test.each([
    ['HTTP/1.1', 'http'],
    ['HTTP/2', 'h2c'],
  ] as const)('the body of an upload over %s, read in any way', async (_, protocol) => {
    const listener = createListener(async (request: Request) => Response.json(await request.json()), {
      timeoutMs: 5_000,
    })
    const server = protocol === 'http' ? createServer(listener) : createHttp2Server(listener)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const client = protocol === 'h2c' ? session('h2c', port) : undefined
    onTestFinished(
      () =>
        new Promise<void>((resolve) => {
          client?.destroy()
          server.close(() => resolve())
        }),
    )
    const answer = await call(protocol, port, {
      method: 'POST',
      body: '{"a":1}',
      ...(client && { session: client }),
    }).answer
    expect(answer.body).toBe('{"a":1}')
    expect((server as Http2Server).listening).toBe(true)
  })
})

describe('the way of a synchronous response', () => {
  const bodies: [string, () => Response][] = [
    ['text', () => new Response('hello')],
    ['bytes', () => new Response(Buffer.from('hello'))],
    ['nothing', () => new Response(null)],
    ['JSON', () => Response.json({ hello: 1 })],
  ]

  test.each(bodies)('%s is written before the listener returns, guarded or not', async (_, handler) => {
    for (const options of [undefined, { timeoutMs: 5_000 }]) {
      const { port, calls } = await around(handler, options)
      expect((await fetched('http', port)).status).toBe(200)
      expect(calls[0]?.sentAtOnce).toBe(true)
    }
  })

  test.each(bodies)(
    '%s is written before the listener returns through a guard further in',
    async (_, handler) => {
      const { port, calls } = await around(guard(handler))
      expect((await fetched('http', port)).status).toBe(200)
      expect(calls[0]?.sentAtOnce).toBe(true)
    },
  )

  test('an asynchronous one is not', async () => {
    const { port, calls } = await around(async () => new Response('hello'), { timeoutMs: 5_000 })
    expect((await fetched('http', port)).body).toBe('hello')
    expect(calls[0]?.sentAtOnce).toBe(false)
  })
})

describe('a guard inside an unguarded server', () => {
  test('sees the connection, so that its record waits for the writing', async () => {
    const outcomes = new Journal<Outcome>()
    const handler = guard(async () => new Response('x'.repeat(10_000_000)), {
      onOutcome: (outcome) => outcomes.add(outcome),
    })
    const { port } = await startUnguarded(handler)
    const client = await RawClient.sending(port, get())
    await client.bytes(1_000)
    client.reset()
    expect(await outcomes.first()).toMatchObject({ kind: 'client-closed', phase: 'writing' })
    expect(handler.stats.outcomes).toMatchObject({ 'client-closed': 1, completed: 0 })
  })

  test('answers the timeout by itself', async () => {
    const clock = new ManualClock()
    const begun = deferred<void>()
    const handler = guard(
      () => {
        begun.resolve()
        return never()
      },
      { timeoutMs: 50, clock },
    )
    const { port } = await startUnguarded(handler)
    const answer = fetched('http', port)
    await begun.promise
    await clock.advance(50)
    expect(await answer).toMatchObject({ status: 503, body: expect.stringContaining('HANDLER_TIMEOUT') })
  })
})

describe('an unguarded handler', () => {
  test.each([
    ['returns nothing', () => undefined],
    ['returns nothing later', async () => undefined],
    [
      'throws',
      () => {
        throw new Error('secret')
      },
    ],
    [
      'rejects',
      async () => {
        throw new Error('secret')
      },
    ],
  ])('that %s is answered 500, and says nothing of why', async (_, handler) => {
    const output = watchOutput()
    const { port } = await around(handler)
    const client = await RawClient.sending(port, get())
    const response = await client.response()
    expect(response.status).toBe(500)
    expect(response.body).not.toMatch(/Error:|secret|Symbol|undefined/)
    expect(output).toEqual([])
  })
})
