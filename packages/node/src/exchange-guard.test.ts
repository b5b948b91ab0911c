import type { IncomingMessage, ServerResponse } from 'node:http'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { LateSettlement, Outcome } from '@curfew/core'
import { describe, expect, test } from 'vitest'
import {
  aborted,
  deferred,
  fetched,
  Journal,
  listening,
  never,
  protocols,
  soon,
  watchOutput,
} from '../test/support.ts'
import { exchangeGuard, type WritingGuardOptions } from './exchange-guard.ts'
import { scopeOf } from './scope-of.ts'

type Next = (request: IncomingMessage, response: ServerResponse) => unknown

/** A guard in the middle: `before` has had the response already, and goes on listening to it. */
async function between(
  before: Next,
  after: Next,
  options: WritingGuardOptions = {},
  protocol = protocols[0]!,
) {
  const outcomes = new Journal<Outcome>()
  const guard = exchangeGuard({ onOutcome: (outcome) => outcomes.add(outcome), ...options })
  const port = await listening((req, res) => {
    before(req, res)
    guard.run(req, res, () => after(req, res))
  }, protocol)
  return { port, outcomes, stats: guard.stats }
}

describe.each(protocols)('over %s, what was there before the guard', (protocol) => {
  test('stays in the reply to who is too late, but for what it said of the body', async () => {
    const { port } = await between(
      (_, res) => {
        res.setHeader('access-control-allow-origin', '*')
        res.setHeader('x-request-id', '1')
        res.setHeader('content-security-policy', "default-src 'self'")
        res.setHeader('content-type', 'text/html')
        res.setHeader('content-encoding', 'gzip')
        res.setHeader('set-cookie', ['outer=1', 'second=2'])
      },
      (_, res) => {
        res.removeHeader('access-control-allow-origin')
        res.setHeader('x-request-id', '2')
        res.setHeader('set-cookie', 'inner=1')
        return never()
      },
      { timeoutMs: 20 },
      protocol,
    )
    const { status, headers } = await fetched(protocol, port)
    expect(status).toBe(503)
    expect(headers).toMatchObject({
      'access-control-allow-origin': '*',
      'x-request-id': '1',
      'content-security-policy': "default-src 'self'",
      'content-type': 'application/problem+json',
      'set-cookie': ['outer=1', 'second=2'],
    })
    expect(headers).not.toHaveProperty('content-encoding')
  })

  test('hears of the reply as of any other: it finishes, and says what was sent', async () => {
    const events = new Journal<unknown>()
    const { port } = await between(
      (_, res) => {
        const look = (event: string) => () =>
          events.add([
            event,
            res.statusCode,
            res.getHeader('content-type'),
            res.headersSent,
            res.writableEnded,
          ])
        res.on('finish', look('finish'))
        res.on('close', look('close'))
      },
      (_, res) => {
        res.statusCode = 201
        res.setHeader('content-type', 'text/html')
        res.write('half')
        return never()
      },
      { timeoutMs: 20 },
      protocol,
    )
    await fetched(protocol, port)
    const sent = [503, 'application/problem+json', true, true]
    expect(await soon(events.reached(2))).toEqual([
      ['finish', ...sent],
      ['close', ...sent],
    ])
  })
})

describe('a guard inside of another one', () => {
  test('adjusts its deadline, counts, and does not answer by itself', async () => {
    const outer = exchangeGuard({ timeoutMs: 10_000 })
    const inner = exchangeGuard({ timeoutMs: 20, timeoutStatus: 504 })
    const port = await listening((req, res) => {
      outer.run(req, res, (outerScope) => {
        inner.run(req, res, (innerScope) => {
          expect(innerScope).toBe(outerScope)
          return never()
        })
      })
    })
    expect((await fetched('http', port)).status).toBe(504)
    await expect.poll(() => outer.stats.outcomes['timed-out']).toBe(1)
    expect(inner.stats.outcomes['timed-out']).toBe(1)
  })

  test('that an abandoned handler comes to starts nothing new', async () => {
    const reached = deferred<void>()
    const outer = exchangeGuard({ timeoutMs: 20 })
    const inner = exchangeGuard()
    const port = await listening((req, res) => {
      outer.run(req, res, async () => {
        await aborted(scopeOf(req).signal)
        inner.run(req, res, () => reached.resolve())
      })
    })
    expect((await fetched('http', port)).status).toBe(503)
    await soon(reached.promise)
    expect(inner.stats).toMatchObject({ active: 0, outcomes: { completed: 0 } })
  })

  test('fails the request with what its handler rejects with', async () => {
    const output = watchOutput()
    const error = new Error('further in')
    const outcomes = new Journal<Outcome>()
    const outer = exchangeGuard({ onOutcome: (outcome) => outcomes.add(outcome) })
    const inner = exchangeGuard()
    const port = await listening((req, res) => {
      outer.run(req, res, () => void inner.run(req, res, () => Promise.reject(error)))
    })
    expect((await fetched('http', port)).status).toBe(500)
    expect(await outcomes.first()).toMatchObject({ kind: 'failed', error })
    expect(output).toEqual([])
  })

  test('says when its handler is done, and how that went, also if it is abandoned', async () => {
    const output = watchOutput()
    const late = new Journal<LateSettlement>()
    const outer = exchangeGuard({ timeoutMs: 20, onLateSettlement: (settlement) => late.add(settlement) })
    const inner = exchangeGuard()
    const innermost = exchangeGuard()
    const port = await listening((req, res) => {
      outer.run(req, res, async () => {
        inner.run(req, res, async ({ signal }) => {
          await aborted(signal)
          innermost.run(req, res, () => Promise.reject(new Error('of nobody')))
        })
      })
    })
    expect((await fetched('http', port)).status).toBe(503)
    expect(await late.first()).toMatchObject({ kind: 'failed', error: { message: 'of nobody' } })
    expect(outer.stats).toMatchObject({ active: 0, abandoned: 0 })
    expect(output).toEqual([])
  })
})

test('a handler that nobody can reach any more is abandoned no longer', async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  // It has noticed that nobody waits, and does nothing more: no write will ever tell.
  const { port, outcomes, stats } = await between(
    () => {},
    () => {},
    { timeoutMs: 10 },
  )
  await Promise.all(Array.from({ length: 20 }, () => fetched('http', port)))
  await outcomes.reached(20)
  await expect
    .poll(() => {
      collect()
      return stats.abandoned
    })
    .toBe(0)
  expect(stats.late.cancelled).toBe(20)
})
