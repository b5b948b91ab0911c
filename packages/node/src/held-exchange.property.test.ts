import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type Duplex, duplexPair } from 'node:stream'
import type { Outcome } from '@curfew/core'
import { ManualClock } from '@curfew/core/testing'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { tryOften } from '../../core/test/runs.ts'
import { get, parse } from '../test/raw-client.ts'
import { deferred, watchOutput } from '../test/support.ts'
import { guardListener } from './guard-listener.ts'
import { scopeOf } from './scope-of.ts'

// Node's own HTTP, over a connection in memory: so it is fast-check that says whose next step is taken.

/** What a handler does, also when its request is long over. */
const deed = fc.constantFrom(
  'set head',
  'write',
  'write',
  'flush',
  'end',
  'throw',
  'return',
  'destroy',
  'destroy with an error',
  'extend',
  'disable',
  'escape',
)

const plan = fc.record({
  deeds: fc.array(deed, { maxLength: 6 }),
  client: fc.array(fc.constantFrom('leave', 'ask on'), { maxLength: 2 }),
  clock: fc.array(fc.constant('wait'), { maxLength: 2 }),
  server: fc.array(fc.constant('shut down'), { maxLength: 1 }),
})

type Plan = typeof plan extends fc.Arbitrary<infer Value> ? Value : never

const LIMIT_MS = 100
const WAIT_MS = 60

/** How the request has to end. The first to have its say decides; who flushes may still break what has begun. */
class Expected {
  ending: Outcome['kind'] | undefined
  /** What the client gets: a status, or nothing that is whole. */
  status: number | undefined
  body = ''
  code = 200
  hasBegun = false
  isOver = false
  private hasSettled = false
  private now = 0
  private dueAt = LIMIT_MS

  heard(what: string): void {
    if (what === 'wait') this.now += WAIT_MS
    const isThrown = what === 'throw' && !this.hasSettled
    if (what === 'throw' || what === 'return') this.hasSettled = true
    if (this.isOver) return
    if (what === 'write') this.body += 'text'
    else if (what === 'set head' && !this.hasBegun && this.body === '') this.code = 201
    else if (what === 'extend') this.dueAt += WAIT_MS
    else if (what === 'disable') this.dueAt = Number.POSITIVE_INFINITY
    else if (what === 'flush') this.hasBegun = true
    else if (what === 'end') this.end('completed', this.code)
    else if (what === 'leave') this.end('client-closed')
    else if (what === 'destroy') this.end('failed')
    else if (isThrown || what === 'escape' || what === 'destroy with an error') this.fail(500)
    else if (what === 'shut down' && !this.hasBegun) this.fail(503)
    else if (this.now >= this.dueAt && !this.hasBegun) this.end('timed-out', 503)
  }

  private fail(status: number): void {
    this.end('failed', this.hasBegun ? undefined : status)
  }

  private end(kind: Outcome['kind'], status?: number): void {
    this.ending = kind
    this.status = status
    this.isOver = true
  }
}

async function play(
  { deeds, client, clock: waits, server: stops }: Plan,
  scheduler: fc.Scheduler,
): Promise<void> {
  const clock = new ManualClock()
  const shutdown = new AbortController()
  const outcomes: Outcome[] = []
  const work = deferred<void>()
  const begun = deferred<[IncomingMessage, ServerResponse]>()
  const listener = guardListener(
    (request, response) => {
      if (request.url === '/next') return void response.end('next')
      begun.resolve([request, response])
      return work.promise
    },
    {
      clock,
      timeoutMs: LIMIT_MS,
      shutdown: shutdown.signal,
      onOutcome: (outcome) => void outcomes.push(outcome),
    },
  )
  const server = createServer(listener)
  const [near, far] = duplexPair()
  let received = ''
  near.setEncoding('latin1').on('data', (text: string) => {
    received += text
  })
  for (const end of [near, far]) end.on('error', () => {})
  server.emit('connection', far)
  near.write(get('/'))
  const [request, response] = await begun.promise
  const expected = new Expected()
  let asked = 0

  const ways: Record<string, () => unknown> = {
    'set head': () => {
      if (!response.headersSent) response.statusCode = 201
    },
    write: () => response.write('text'),
    flush: () => response.flushHeaders(),
    end: () => response.end(),
    throw: () => work.reject(new Error('thrown')),
    return: () => work.resolve(),
    destroy: () => response.destroy(),
    'destroy with an error': () => response.destroy(new Error('destroyed')),
    extend: () => scopeOf(request).deadline.extend(WAIT_MS),
    disable: () => scopeOf(request).deadline.disable(),
    escape: () => scopeOf(request).escaped(new Error('escaped')),
    leave: () => leave(near, far),
    'ask on': () => {
      asked++
      near.write(get('/next'))
    },
    wait: () => clock.advance(WAIT_MS),
    'shut down': () => shutdown.abort(),
  }

  const done = Object.entries({ handler: deeds, client, clock: waits, server: stops }).map(
    ([who, tasks]) =>
      scheduler.scheduleSequence(
        tasks.map((what) => ({
          label: `${who}: ${what}`,
          builder: async () => {
            expected.heard(what)
            await ways[what]!()
            await clock.advance(0)
          },
        })),
      ).task,
  )
  await scheduler.waitIdle()
  expect((await Promise.all(done)).filter(({ faulty }) => faulty)).toEqual([])

  // Whatever has not come to its end does so now.
  expected.heard('end')
  response.end()
  work.resolve()
  await clock.advance(0)
  await clock.advance(1_000)
  check(expected, outcomes, received, asked, shutdown.signal.aborted)
  expect(listener.stats).toMatchObject({ active: 0, abandoned: 0, hookFailures: 0 })
  expect(clock.pending).toBe(0)
  leave(near, far)
  server.close()
}

/** As when a socket is destroyed: the other end hears that it is closed. */
function leave(near: Duplex, far: Duplex): void {
  near.destroy()
  far.destroy()
}

function check(
  expected: Expected,
  outcomes: readonly Outcome[],
  received: string,
  asked: number,
  isShut: boolean,
): void {
  const { ending, status, body } = expected
  const [outcome] = outcomes
  expect(outcome?.kind).toBe(ending)
  expect(outcomes.length).toBeLessThanOrEqual(1 + asked)
  const responses = parse(received, false)
  const [first, ...others] = responses
  if (ending === 'client-closed') return
  if (status === undefined) {
    expect(first?.complete ?? false).toBe(false)
    expect(others).toEqual([])
    return
  }
  expect(first).toMatchObject({ status, complete: true })
  expect(outcome!.status).toBe(status)
  if (ending === 'completed') expect(first!.body).toBe(body)
  else expect(JSON.parse(first!.body)).toMatchObject({ status })
  for (const next of others) {
    if (!isShut) expect(next).toMatchObject({ status: 200, complete: true, body: 'next' })
  }
}

test('whatever happens, and in whatever order, a response that is held is sent whole, or another one is, once', async () => {
  const output = watchOutput()
  await tryOften(
    200,
    fc.asyncProperty(plan, fc.scheduler(), async (each, scheduler) => {
      await play(each, scheduler)
      const unexpected = output.filter(([, text]) => text !== 'Curfew handler failed after its response:')
      expect(unexpected).toEqual([])
    }),
  )
})
