import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
// Targets are processes of their own, which run what was built.
import { type RunningTarget, startTarget } from '../dist/torture/start-target.js'
import { thisNode } from '../src/runtimes.ts'
import { visitHttp1 } from '../src/torture/http1-client.ts'
import type { State } from '../src/torture/kit.ts'
import { type Contender, pairs } from '../src/torture/peers/contenders.ts'
import type { Exchange } from '../src/torture/plan.ts'
import type { Seen } from '../src/torture/trip.ts'

const LIMIT_MS = 250

type Asked = Pick<Exchange, 'handler'> & Partial<Exchange>

interface Visited {
  /** The statuses of whole responses; what else came of a request. */
  readonly saw: (number | Seen['what'])[]
  /** Once the handlers have done what they do after their time; nothing of a process that has ended. */
  readonly state: State | undefined
  readonly said: string
}

test("Hono's timeout never tells a handler that listens; one that throws late is an error once more", async () => {
  const asked: Asked[] = [{ handler: 'obedient' }, { handler: 'late-throw' }]
  const [peer, curfew] = await both('hono', asked)
  expect(peer.saw).toEqual([503, 503])
  expect(peer.state).toMatchObject({
    running: { obedient: 1 },
    notes: { 'an error for who had had a timeout': 1 },
  })
  expect(curfew.saw).toEqual([503, 503])
  expect(curfew.state).toMatchObject({ running: { obedient: 0 }, active: 0, abandoned: 0 })
})

test('connect-timeout and a promise: the late answer closes the connection under the request after it', async () => {
  const asked: Asked[] = [{ handler: 'late' }, { handler: 'never' }]
  const [peer, curfew] = await both('connect-timeout', asked)
  expect(peer.saw).toEqual([503, 'nothing'])
  expect(curfew.saw).toEqual([503, 503])
})

test('connect-timeout and a callback: the late answer ends the process', async () => {
  const [peer, curfew] = await both('connect-timeout-callbacks', [{ handler: 'late' }])
  expect(peer).toMatchObject({ saw: [503], state: undefined })
  expect(peer.said).toContain('ERR_HTTP_HEADERS_SENT')
  expect(curfew).toMatchObject({ saw: [503], state: { active: 0, abandoned: 0, uncaughtCount: 0 }, said: '' })
})

test('Fastify, once it has read a body: a handler that listens stops at once, and its client has a 500', async () => {
  const post = { handler: 'obedient', method: 'POST', body: { framing: 'length', bytes: 10 } } as const
  const [peer, curfew] = await both('fastify-parsed', [post])
  expect(peer.saw).toEqual([500])
  expect(curfew.saw).toEqual([503])
})

/** The same visit to a peer, and to Curfew in the same app. */
function both(name: string, asked: readonly Asked[]): Promise<[Visited, Visited]> {
  const { peer, curfew } = pairs[name]!
  return Promise.all([visited(peer, asked), visited(curfew, asked)])
}

async function visited({ module, traits }: Contender, asked: readonly Asked[]): Promise<Visited> {
  const folder = mkdtempSync(join(tmpdir(), 'curfew-torture-'))
  const target = await startTarget(
    thisNode,
    { module, limitMs: LIMIT_MS, log: join(folder, 'access.log') },
    { quiet: true },
  )
  try {
    const exchanges = asked.map(
      (each, number): Exchange => ({ number, amount: 0, method: 'GET', manner: { kind: 'polite' }, ...each }),
    )
    const seen = await visitHttp1(
      { number: 0, pause: 0, pipelined: false, exchanges },
      { port: target.port, prefix: 't', traits, pauseMs: 0 },
    )
    const saw = seen.map(({ what, status }) => (what === 'whole' ? status! : what))
    return { saw, state: await afterwards(target), said: target.said() }
  } finally {
    await target.stop()
    rmSync(folder, { recursive: true })
  }
}

/** When those who are late have come, or have ended their process. */
async function afterwards(target: RunningTarget): Promise<State | undefined> {
  const ended = target.ended.then(() => undefined)
  const ask = () => Promise.race([ended, target.ask<State>('state').catch(() => ended)])
  let state = await ask()
  while (state && lateOnes(state) > 0) {
    await sleep(10)
    state = await ask()
  }
  // What a callback does in the next turn has happened before the next answer.
  return state && ask()
}

function lateOnes({ running }: State): number {
  return (running.late ?? 0) + (running['late-throw'] ?? 0)
}
