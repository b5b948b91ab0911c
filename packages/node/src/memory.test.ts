import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { connect, type Socket } from 'node:net'
import { ManualClock } from '@curfew/core/testing'
import { describe, expect, onTestFinished, test } from 'vitest'
import { heldBytes, isGone } from '../../core/test/garbage-collector.ts'
import { call, deferred, fetched, keptAlive, listening, never } from '../test/support.ts'
import { createListener } from './create-listener.ts'
import { guardListener } from './guard-listener.ts'

type Listener = (request: IncomingMessage, response: ServerResponse) => void

const SOCKETS = 4
const TIMES = 2_000

describe.each<[string, () => Listener]>([
  [
    'a fetch handler',
    () => createListener(async () => new Response('hi'), { timeoutMs: 60_000 }) as Listener,
  ],
  [
    'a listener',
    () =>
      guardListener(
        async (_, response) => {
          await Promise.resolve()
          response.end('hi')
        },
        { timeoutMs: 60_000 },
      ),
  ],
  [
    'a listener that streams',
    () =>
      guardListener(
        async (_, response) => {
          response.flushHeaders()
          await Promise.resolve()
          response.end('hi')
        },
        { timeoutMs: 60_000, streamIdleMs: 60_000 },
      ),
  ],
])('of requests to %s, over connections that are kept alive', (_, make) => {
  test('nothing is left, on the heap, of handles, or of listeners', { timeout: 60_000 }, async () => {
    const seen: Socket[] = []
    const listener = make()
    const port = await listening((request, response) => {
      if (!seen.includes(request.socket)) seen.push(request.socket)
      listener(request, response)
    })
    const clients = await Promise.all(Array.from({ length: SOCKETS }, () => connected(port)))
    const serve = (times: number) => Promise.all(clients.map((client) => ask(client, times)))
    await serve(TIMES / 4)
    const [listeners, handles] = [seen.map(listenersOf), handlesOf()]
    // What is compiled meanwhile stays as well, but not in every round.
    const grown: number[] = []
    for (let round = 0; round < 3; round++) {
      const before = await heldBytes()
      await serve(TIMES / 2)
      grown.push(((await heldBytes()) - before) / ((SOCKETS * TIMES) / 2))
    }
    expect(Math.min(...grown)).toBeLessThan(30)
    expect(seen.map(listenersOf)).toEqual(listeners)
    expect(handlesOf()).toEqual(handles)
  })
})

async function connected(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1').setEncoding('latin1')
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  return socket
}

/** Requests one after the other. */
function ask(socket: Socket, times: number): Promise<void> {
  const done = deferred<void>()
  let left = times
  const send = (): void => void socket.write('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n')
  const onData = (text: string): void => {
    if (!/hi(?:\r\n0\r\n\r\n)?$/.test(text)) return
    if (--left > 0) return send()
    socket.off('data', onData)
    done.resolve()
  }
  socket.on('data', onData)
  send()
  return done.promise
}

function listenersOf(socket: Socket): Record<string, number> {
  return Object.fromEntries(socket.eventNames().map((name) => [name, socket.listenerCount(name)]))
}

/** Timers are those of Node, which has one for all connections. */
function handlesOf(): string[] {
  return process.getActiveResourcesInfo().filter((name) => /^(?:TCP|TLS|Pipe)/.test(name))
}

describe('a handler that never settles', () => {
  type Refs = Readonly<Record<string, WeakRef<object>>>

  const cases: [
    name: string,
    make: (options: object, started: (parts: Record<string, object>) => void) => Listener,
  ][] = [
    [
      'a fetch handler',
      (options, started) =>
        createListener((request: Request, { incoming, outgoing }: Record<string, object>) => {
          started({ request, signal: request.signal, incoming: incoming!, outgoing: outgoing! })
          return endless
        }, options) as Listener,
    ],
    [
      'an async listener',
      (options, started) =>
        guardListener((incoming, outgoing, scope) => {
          outgoing.write('x'.repeat(1_000))
          started({ incoming, outgoing, scope, signal: scope.signal })
          return endless
        }, options),
    ],
    [
      'a listener that says by nothing when it is done',
      (options, started) =>
        guardListener((incoming, outgoing, scope) => {
          outgoing.write('x'.repeat(1_000))
          started({ incoming, outgoing, scope, signal: scope.signal })
        }, options),
    ],
  ]
  const endless = never()

  /** What there was of the first request, once it has timed out, and another one has used its connection. */
  async function abandoned(make: (typeof cases)[number][1], leaves: boolean): Promise<Refs> {
    const clock = new ManualClock()
    const begun = deferred<Record<string, WeakRef<object>>>()
    let isFirst = true
    const listener = make({ clock, timeoutMs: 100 }, (parts) => {
      begun.resolve(
        Object.fromEntries(Object.entries(parts).map(([name, part]) => [name, new WeakRef(part)])),
      )
    })
    const closed = deferred<void>()
    const port = await listening((request, response) => {
      if (!isFirst) return void response.end('next')
      isFirst = false
      response.once('close', () => closed.resolve())
      listener(request, response)
    })
    const agent = keptAlive('http')
    const first = call('http', port, { method: 'POST', body: 'x'.repeat(10_000), agent })
    const refs = await begun.promise
    if (leaves) first.leave()
    else {
      await clock.advance(100)
      expect((await first.answer).status).toBe(503)
    }
    await closed.promise
    expect((await fetched('http', port, { agent })).body).toBe('next')
    return refs
  }

  describe.each(cases)('%s', (_, make) => {
    test.each([
      ['that has timed out', false],
      ['whose client has left', true],
    ])('holds nothing of a request %s', async (_, leaves) => {
      const refs = await abandoned(make, leaves)
      for (const [name, ref] of Object.entries(refs)) expect([name, await isGone(ref)]).toEqual([name, true])
      expect(endless).toBeInstanceOf(Promise)
    })
  })

  test('and that holds its response keeps nothing of what it wrote into that', async () => {
    const clock = new ManualClock()
    const begun = deferred<ServerResponse>()
    const listener = guardListener(
      (_, response) => {
        response.write('x'.repeat(1_000))
        begun.resolve(response)
      },
      { clock, timeoutMs: 100 },
    )
    const answer = fetched('http', await listening(listener))
    const response = await begun.promise
    expect(response.writableLength).toBeGreaterThan(1_000)
    await clock.advance(100)
    expect((await answer).status).toBe(503)
    expect(response.writableLength).toBe(0)
    expect(Reflect.get(response, 'outputData')).toEqual([])
  })
})
