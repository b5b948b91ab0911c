import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Outcome } from '@curfew/core'
import { ManualClock } from '@curfew/core/testing'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { guardListener, scopeOf } from '../../src/index.ts'
import { get, RawClient } from '../raw-client.ts'
import { deferred, Journal, soon, watchOutput } from '../support.ts'
import { execute, type Program, programOfEndings, type Seen } from './programs.ts'

// Whatever ends a request, and wherever in its handler that happens: it has one ending, and so has the next one.

type Ending = 'deadline' | 'shutdown' | 'escape' | 'throw' | 'leave'

const count = Number(process.env.RUNS ?? 100)
const seed = Number(process.env.SEED ?? 5)
const port = (server: ReturnType<typeof createServer>) => (server.address() as AddressInfo).port

async function check(before: Program, ending: Ending, after: Program, isPiped: boolean): Promise<void> {
  const clock = new ManualClock()
  const shutdown = new AbortController()
  const outcomes = new Journal<Outcome>()
  const settled = deferred<void>()
  const ended = deferred<void>()
  const sockets: Record<string, number>[] = []
  let client: RawClient
  const left = deferred<void>()

  const ways: Record<Ending, (request: IncomingMessage) => unknown> = {
    deadline: () => clock.advance(1_000),
    shutdown: () => shutdown.abort(),
    escape: (request) => scopeOf(request).escaped(new Error('escaped')),
    throw: () => {
      throw new Error('thrown')
    },
    async leave() {
      client.reset()
      await left.promise
    },
  }
  async function handler(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.url === '/next') return void response.end('next')
    const seen: Seen = { results: [], events: [], errors: [], pipes: [], writes: [] }
    try {
      await execute(before, request, response, seen, false)
      await ways[ending](request)
      await execute(after, request, response, seen)
    } finally {
      settled.resolve()
    }
  }
  const listener = guardListener(handler, {
    clock,
    timeoutMs: 1_000,
    shutdown: shutdown.signal,
    onOutcome: (outcome) => outcomes.add(outcome),
  })
  const server = createServer((request, response) => {
    sockets.push(listenersOf(request.socket))
    request.socket.once('close', () => left.resolve())
    listener(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    client = await RawClient.connect(port(server))
    client.send(get('/') + (isPiped ? get('/next') : ''))
    void client.over.then(() => ended.resolve())
    await settled.promise
    if (ending === 'leave') {
      expect(await outcomes.first()).toMatchObject({ kind: expect.stringMatching(/completed|client-closed/) })
      await client.over
    } else {
      await soon(Promise.race([client.responses(1), ended.promise]), 2_000).catch(() => {})
      if (!isPiped) client.send(get('/next'))
      const responses = await soon(
        client.responses(2).catch(() => client.rest()),
        2_000,
      ).catch(() => {
        throw new Error(`Stuck: ${JSON.stringify(outcomes.all)} ${client.received}`)
      })
      const first = outcomes.all[0]!
      const isReset = (await Promise.race([client.over, Promise.resolve('open')])) !== 'open'
      if (isReset) expect(first).toMatchObject({ kind: 'failed', phase: 'streaming' })
      else {
        expect(responses.map(({ complete }) => complete)).toEqual([true, true])
        expect(responses[1]).toMatchObject({ status: ending === 'shutdown' && !isPiped ? 503 : 200 })
        expect(responses[0]!.status).toBe(first.status)
        if (first.kind !== 'completed') expect(responses[0]!.body).toMatch(/^{"type":"about:blank"/)
      }
      client.close()
    }
    await new Promise((resolve) => server.close(resolve))
    await expect.poll(() => [listener.stats.active, listener.stats.abandoned]).toEqual([0, 0])
    for (const counts of sockets) expect(counts).toEqual(sockets[0])
  } finally {
    server.close()
  }
}

function listenersOf(socket: Socket): Record<string, number> {
  return Object.fromEntries(
    ['error', 'drain', 'timeout', 'data', 'end'].map((name) => [name, socket.listenerCount(name)]),
  )
}

const endings: Ending[] = ['deadline', 'shutdown', 'escape', 'throw', 'leave']

test.each(endings)('%s, somewhere in what a handler writes', async (ending) => {
  const output = watchOutput()
  await fc.assert(
    fc.asyncProperty(programOfEndings, programOfEndings, fc.boolean(), (before, after, isPiped) =>
      check(before, ending, after, isPiped),
    ),
    { numRuns: count, seed },
  )
  const unexpected = output.filter(([, text]) => text !== 'Curfew handler failed after its response:')
  expect(unexpected).toEqual([])
})
