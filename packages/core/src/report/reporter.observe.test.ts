import { AsyncLocalStorage } from 'node:async_hooks'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { reporting } from '../../test/reporting.ts'
import { deferred, FakeClient, get, never, raise, soon } from '../../test/support.ts'
import { attachClient } from '../client.ts'
import { guard, type Outcome } from '../index.ts'
import type { Hook, Observer } from '../report.ts'
import { reporter } from './reporter.ts'

const boom = new Error('boom')

beforeEach(() => {
  vi.spyOn(console, 'error').mockImplementation(() => {})
})

afterEach(() => {
  vi.restoreAllMocks()
})

type Seen = [what: string, ...details: unknown[]]

/** A hook that writes down what it sees. */
function observing(seen: Seen[]): Hook {
  return {
    name: 'observing',
    observe(request) {
      seen.push(['observe', request])
      return {
        decided: (outcome, { error }) => void seen.push(['decided', outcome, error()]),
        ended: (outcome, observed) => void seen.push(['ended', outcome, observed]),
      }
    },
  }
}

describe('an observer', () => {
  test('sees the start, the decision and the end of a request at once, in this order', () => {
    const seen: Seen[] = []
    const { options } = reporting({ hooks: [observing(seen)] })
    const request = get()
    const handler = (): Response => {
      seen.push(['handler'])
      return new Response()
    }
    guard(handler, options)(request)
    const outcome = { kind: 'completed', status: 200, elapsedMs: 0 }
    expect(seen).toEqual([
      ['observe', request],
      ['handler'],
      ['decided', outcome, undefined],
      [
        'ended',
        outcome,
        { route: undefined, request, timeoutMs: 30_000, remainingMs: 30_000, error: expect.any(Function) },
      ],
    ])
    expect(seen[0]![1]).toBe(request)
    expect((seen[3]![2] as { request: Request }).request).toBe(request)
  })

  test('sees the end where the response has been written', async () => {
    const seen: Seen[] = []
    const { options } = reporting({ hooks: [observing(seen)] })
    const request = get()
    const client = new FakeClient({ tellsDelivery: true })
    attachClient(request, client)
    await guard(async () => new Response(), options)(request)
    expect(seen.map(([what]) => what)).toEqual(['observe', 'decided'])
    client.close()
    expect(seen.map(([what]) => what)).toEqual(['observe', 'decided', 'ended'])
    expect(seen[1]![1]).toMatchObject({ kind: 'completed' })
    expect(seen[2]![1]).toMatchObject({ kind: 'client-closed', phase: 'writing' })
  })

  const endings: [
    kind: Outcome['kind'],
    end: (options: ReturnType<typeof reporting>['options']) => unknown,
  ][] = [
    ['failed', (options) => guard(async () => raise(boom), options)(get())],
    ['rejected', (options) => guard(never, { ...options, inbound: () => 0 })(get())],
    [
      'timed-out',
      async (options) => {
        const work = deferred()
        const reply = guard(() => work.promise, { ...options, timeoutMs: 10 })(get())
        await options.clock.advance(10)
        work.reject(boom)
        await reply
      },
    ],
    [
      'client-closed',
      (options) => {
        const request = get()
        const client = new FakeClient()
        attachClient(request, client)
        const reply = guard(never, options)(request)
        client.close()
        return reply
      },
    ],
  ]

  test.each(endings)('sees each of it once of a request that is %s', async (kind, end) => {
    const seen: Seen[] = []
    const { options, clock } = reporting({ hooks: [observing(seen)] })
    await end(options)
    await clock.advance(10)
    expect(seen.map(([what]) => what)).toEqual(['observe', 'decided', 'ended'])
    expect(seen[2]![1]).toMatchObject({ kind })
  })

  test('sees a request once where two guards have its reporter', async () => {
    const seen: Seen[] = []
    const { options } = reporting({ hooks: [observing(seen)] })
    const inner = guard(() => new Response(), options)
    guard((request: Request) => inner(request), options)(get())
    expect(seen.map(([what]) => what)).toEqual(['observe', 'decided', 'ended'])
  })

  test('may ask for the error, redacted as in a report', async () => {
    const seen: Seen[] = []
    const { options, made, reports } = reporting({ hooks: [observing(seen)] })
    const request = get('/?code=sesame-open', { headers: { authorization: 'Bearer abcdefgh12345678' } })
    const error = Object.assign(new Error('no abcdefgh12345678 at sesame-open'), {
      owner: 'Ali Baba',
      code: 'E_NO',
    })
    await guard(async () => raise(error), options)(request)
    await made()
    const told = seen.find(([what]) => what === 'decided')![2]
    expect(told).toEqual(reports[0]!.error)
    expect(told).toMatchObject({
      name: 'Error',
      message: 'no [redacted] at [redacted]',
      fields: { owner: '[redacted]', code: 'E_NO' },
    })
    expect(Object.isFrozen(told)).toBe(true)
  })

  test('is told no error at all where redacting it fails', async () => {
    const seen: Seen[] = []
    const { options, reporter } = reporting({
      hooks: [observing(seen)],
      redact: { replace: () => raise(boom) },
    })
    await guard(async () => raise(boom), options)(get())
    expect(seen.find(([what]) => what === 'decided')).toEqual(['decided', expect.anything(), undefined])
    expect(reporter.stats.hooks.observing).toMatchObject({ failed: 0 })
  })

  test('cannot change what others are told', async () => {
    const seen: Seen[] = []
    const outcomes: Outcome[] = []
    const spoil = (outcome: object): void => {
      Object.assign(outcome, { kind: 'completed', status: 200 })
    }
    const { options, clock, reporter } = reporting({
      hooks: [{ name: 'spoiler', observe: () => ({ decided: spoil, ended: spoil }) }, observing(seen)],
    })
    const onOutcome = (outcome: Outcome): void => void outcomes.push(outcome)
    const reply = guard(never, { ...options, timeoutMs: 10, timeoutResponse: 'late', onOutcome })(get())
    await clock.advance(10)
    expect((await soon(reply)).status).toBe(503)
    expect(seen.slice(1).map(([, outcome]) => outcome)).toMatchObject([
      { kind: 'timed-out', status: 503 },
      { kind: 'timed-out', status: 503 },
    ])
    expect(outcomes).toMatchObject([{ kind: 'timed-out', status: 503 }])
    expect(reporter.stats.hooks.spoiler).toMatchObject({ failed: 2 })
  })

  const misfits: [name: string, observe: (request: Request) => unknown, failures: number][] = [
    ['throws', () => raise(boom), 1],
    ['throws later', () => ({ decided: () => raise(boom), ended: () => raise(boom) }), 2],
    ['rejects', () => Promise.reject(boom), 1],
    ['rejects later', () => ({ decided: async () => raise(boom), ended: async () => raise(boom) }), 2],
    ['gives nothing', () => undefined, 0],
    ['gives null', () => null, 0],
    ['gives a number', () => 5, 0],
    ['gives an observer that sees nothing', () => ({}), 0],
    ['gives what is no observer', () => ({ decided: 'no', ended: 5 }), 2],
  ]

  test.each(misfits)('that %s is counted, and hinders nobody', async (_, observe, failures) => {
    const seen: Seen[] = []
    const { options, made, reporter, reports } = reporting({
      hooks: [{ name: 'bad', observe: observe as never }, observing(seen)],
    })
    expect((await soon(guard(async () => raise(boom), options)(get()))).status).toBe(500)
    await made()
    expect(seen.map(([what]) => what)).toEqual(['observe', 'decided', 'ended'])
    expect(reports).toHaveLength(1)
    expect(reporter.stats.hooks.bad).toEqual({ delivered: 0, failed: failures, dropped: 0, pending: 0 })
    expect(console.error).toHaveBeenCalledTimes(Math.min(failures, 1))
  })

  test('is called on its own object', () => {
    class Span implements Observer {
      readonly events: string[] = []
      decided(): void {
        this.events.push('decided')
      }
      ended(): void {
        this.events.push('ended')
      }
    }
    class Tracer implements Hook {
      readonly name = 'tracer'
      readonly spans: Span[] = []
      observe(): Observer {
        const span = new Span()
        this.spans.push(span)
        return span
      }
    }
    const tracer = new Tracer()
    const { options } = reporting({ hooks: [tracer] })
    guard(() => new Response(), options)(get())
    expect(tracer.spans).toMatchObject([{ events: ['decided', 'ended'] }])
  })

  test('is called in the async context of its request', async () => {
    const storage = new AsyncLocalStorage<string>()
    const seen: [string, unknown][] = []
    const see = (what: string) => (): void => void seen.push([what, storage.getStore()])
    const hook: Hook = {
      name: 'context',
      observe() {
        see('observe')()
        return { decided: see('decided'), ended: see('ended') }
      },
    }
    const reports = reporter({ hooks: [hook] })
    const failing = guard(async () => raise(boom), { reporter: reports })
    const slow = guard(never, { reporter: reports, timeoutMs: 5 })
    await Promise.all([storage.run('failing', () => failing(get())), storage.run('slow', () => slow(get()))])
    for (const name of ['failing', 'slow']) {
      expect(seen.filter(([, store]) => store === name)).toEqual(
        ['observe', 'decided', 'ended'].map((what) => [what, name]),
      )
    }
    await reports.flush()
  })
})
