import type { IncomingMessage } from 'node:http'
import { describe, expect, test } from 'vitest'
import { get, RawClient } from '../test/raw-client.ts'
import {
  call,
  deferred,
  keptAlive,
  never,
  protocols,
  session,
  soon,
  start,
  watchOutput,
} from '../test/support.ts'

const REQUESTS = 2_000
const CONNECTIONS = 50

describe('2000 requests through 50 connections, a third of which leave', () => {
  test.each(protocols)('over %s: the outcomes add up, and nothing is left', async (protocol) => {
    const output = watchOutput()
    const begun = new Map<string, () => void>()
    const { server, port, outcomes, late } = await start(
      (request: Request) => {
        const path = new URL(request.url).pathname
        if (path.startsWith('/leave')) {
          begun.get(path)?.()
          return never()
        }
        return path.endsWith('0') ? new Response(new Blob([path]).stream()) : new Response(path)
      },
      { protocol },
    )
    const multiplexed = protocol === 'h2c' || protocol === 'h2'
    let left = 0

    async function connection(first: number): Promise<void> {
      const shared = multiplexed ? { session: session(protocol, port) } : { agent: keptAlive(protocol) }
      for (let id = first; id < REQUESTS; id += CONNECTIONS) {
        const leaves = id % 3 === 0
        const path = `/${leaves ? 'leave' : 'stay'}/${id}`
        const running = deferred<void>()
        begun.set(path, running.resolve)
        const client = call(protocol, port, { path, ...shared })
        if (leaves) {
          await running.promise
          client.leave()
          left++
        } else {
          expect(await client.answer).toMatchObject({ status: 200, body: path, broken: undefined })
        }
      }
      shared.session?.close()
      shared.agent?.destroy()
    }

    await Promise.all(Array.from({ length: CONNECTIONS }, (_, index) => connection(index)))
    await outcomes.reached(REQUESTS)
    await soon(server.close({ graceMs: 60_000 }))
    const count = (kind: string) => outcomes.all.filter((outcome) => outcome.kind === kind).length
    expect(left).toBe(667)
    expect({ all: outcomes.all.length, completed: count('completed'), left: count('client-closed') }).toEqual(
      {
        all: REQUESTS,
        completed: REQUESTS - left,
        left,
      },
    )
    expect(late.all).toEqual([])
    expect(output).toEqual([])
  })
})

describe('the listeners of a connection', () => {
  test('do not grow with its requests', async () => {
    const output = watchOutput()
    const counts: Record<string, number>[] = []
    const { port, outcomes } = await start(
      async (request: Request, { incoming }: { incoming: IncomingMessage }) => {
        const { socket } = incoming
        const names = socket.eventNames().map(String)
        counts.push(Object.fromEntries(names.map((name) => [name, socket.listenerCount(name)])))
        const path = new URL(request.url).pathname
        return path === '/stream' ? new Response(new Blob(['x']).stream()) : new Response('x')
      },
    )
    const client = await RawClient.connect(port)
    for (let index = 1; index <= 200; index++) {
      client.send(get(index % 2 ? '/stream' : '/text'))
      await client.responses(index)
    }
    await outcomes.reached(200)
    expect(counts).toHaveLength(200)
    expect(counts[199]).toEqual(counts[1])
    expect(output).toEqual([])
  })

  test('do not grow with its pipelines either', async () => {
    const output = watchOutput()
    const closeListeners: number[] = []
    const { port, outcomes } = await start(
      async (_: Request, { incoming }: { incoming: IncomingMessage }) => {
        closeListeners.push(incoming.socket.listenerCount('close'))
        return new Response('x')
      },
    )
    const client = await RawClient.connect(port)
    for (let round = 1; round <= 20; round++) {
      client.send(get().repeat(20))
      await client.responses(round * 20)
    }
    await outcomes.reached(400)
    expect(closeListeners).toHaveLength(400)
    expect(Math.max(...closeListeners.slice(-20))).toBeLessThanOrEqual(
      Math.max(...closeListeners.slice(20, 40)),
    )
    expect(output).toEqual([])
  })
})
