import { describe, expect, test, vi } from 'vitest'
import { get, never, observed, soon, source, thrownBy } from '../test/support.ts'
import {
  type Failed,
  type GuardOptions,
  guard,
  problem,
  type Rejected,
  type Reply,
  type TimedOut,
} from './index.ts'
import { answer, isOwnReply } from './responses.ts'

/** The reply to a request whose deadline has struck. */
async function timedOut(
  timeoutResponse: Reply<TimedOut> | undefined,
  init?: RequestInit,
  more?: GuardOptions,
) {
  const { clock, options, outcomes } = observed({
    timeoutMs: 10,
    ...(timeoutResponse !== undefined && { timeoutResponse }),
    ...more,
  })
  const reply = guard(never, options)(get('/', init))
  await clock.advance(10)
  return { response: await soon(reply), outcome: outcomes[0]! }
}

async function isDefault(response: Response): Promise<void> {
  expect(response.status).toBe(503)
  expect(response.headers.get('content-type')).toBe('application/problem+json')
  expect(await response.json()).toMatchObject({ code: 'HANDLER_TIMEOUT' })
}

describe('problem', () => {
  test('is RFC 9457 with the stable code beside it', async () => {
    const response = problem(504, 'DEADLINE_EXPIRED', 'too late')
    expect(response.status).toBe(504)
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    expect(await response.json()).toEqual({
      type: 'about:blank',
      title: 'Gateway Timeout',
      status: 504,
      code: 'DEADLINE_EXPIRED',
      detail: 'too late',
    })
  })

  test('has a title for every status', async () => {
    expect(await problem(418, 'HANDLER_FAILED').json()).toMatchObject({ title: expect.any(String) })
  })
})

describe('a reply that takes the place of the default', () => {
  test('is text under the status that is due', async () => {
    const { response, outcome } = await timedOut('Try again later')
    expect(response.status).toBe(503)
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8')
    expect(await response.text()).toBe('Try again later')
    expect(outcome.status).toBe(503)
  })

  test('may be no text at all', async () => {
    const { response } = await timedOut('')
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8')
    expect(await response.text()).toBe('')
  })

  test('is JSON for an object', async () => {
    const { response } = await timedOut({ error: 'slow' }, {}, { timeoutStatus: 504 })
    expect(response.status).toBe(504)
    // Some say of JSON, too, in which character set it is.
    expect(response.headers.get('content-type')).toBe(Response.json({}).headers.get('content-type'))
    expect(response.headers.get('content-type')).toMatch(/^application\/json\b/)
    expect(await response.json()).toEqual({ error: 'slow' })
  })

  test('is a Response with a status and headers of its own, and the outcome has that status', async () => {
    const template = new Response('<h1>Busy</h1>', { status: 429, headers: { 'x-mine': '1' } })
    const { response, outcome } = await timedOut(template)
    expect(response.status).toBe(429)
    expect(response.headers.get('x-mine')).toBe('1')
    expect(await response.text()).toBe('<h1>Busy</h1>')
    expect(outcome).toMatchObject({ kind: 'timed-out', status: 429 })
  })

  test('is the same Response for many requests, at the same time and one after the other', async () => {
    const { clock, options } = observed({
      timeoutMs: 10,
      timeoutResponse: new Response('busy', { status: 503, headers: { 'x-mine': '1' } }),
    })
    const guarded = guard(never, options)
    for (let round = 0; round < 3; round++) {
      const replies = [guarded(get('/a')), guarded(get('/b')), guarded(get('/c'))]
      await clock.advance(10)
      for (const reply of replies) {
        const response = await soon(reply)
        expect(response.headers.get('x-mine')).toBe('1')
        expect(await response.text()).toBe('busy')
      }
    }
  })

  test('is not spoilt for the next request by what is done to one', async () => {
    const { clock, options } = observed({ timeoutMs: 10, timeoutResponse: new Response('busy') })
    const guarded = guard(never, options)
    const first = guarded(get())
    await clock.advance(10)
    ;(await soon(first)).headers.set('x-request-id', 'first')
    const second = guarded(get())
    await clock.advance(10)
    expect((await soon(second)).headers.has('x-request-id')).toBe(false)
  })

  test('is not copied from copies of copies: its bytes are kept', async () => {
    const timeoutResponse = new Response('busy')
    const clone = vi.spyOn(timeoutResponse, 'clone')
    const { clock, options } = observed({ timeoutMs: 10, timeoutResponse })
    const guarded = guard(never, options)
    const clones: number[] = []
    for (let round = 0; round < 4; round++) {
      const reply = guarded(get())
      await clock.advance(10)
      expect(await (await soon(reply)).text()).toBe('busy')
      clones.push(clone.mock.calls.length)
    }
    expect(new Set(clones).size).toBe(1)
  })

  test('does no harm when its body breaks', async () => {
    const body = source()
    const { response } = await timedOut(new Response(body.stream, { status: 504 }))
    expect(response.status).toBe(504)
    const error = new Error('template')
    body.fail(error)
    // The one that keeps the bytes breaks as well, and nobody waits for it.
    await expect(response.text()).rejects.toBe(error)
  })

  test('is what a function of the outcome and the request gives', async () => {
    const seen: unknown[] = []
    const { response } = await timedOut(
      (outcome, request) => {
        seen.push({ ...outcome }, request.url)
        return { limit: outcome.timeoutMs }
      },
      {},
      { timeoutStatus: 504 },
    )
    expect(seen).toEqual([
      { kind: 'timed-out', phase: 'handling', status: 504, elapsedMs: 10, timeoutMs: 10, lateMs: 0 },
      'http://localhost/',
    ])
    expect(response.status).toBe(504)
    expect(await response.json()).toEqual({ limit: 10 })
  })

  test('is a Response that a function makes, as the same object', async () => {
    const mine = new Response('mine', { status: 504 })
    const { response, outcome } = await timedOut(() => mine)
    expect(response).toBe(mine)
    expect(outcome.status).toBe(504)
  })
})

describe('the default takes the place of', () => {
  const used = new Response('used')
  const thenable = {
    // biome-ignore lint/suspicious/noThenProperty: a thenable is what is tested
    then: () => {},
  }
  const cyclic: Record<string, unknown> = {}
  cyclic.self = cyclic

  test.each<[string, () => unknown]>([
    [
      'a builder that throws',
      () => {
        throw new Error('builder')
      },
    ],
    ['a builder that gives a promise', async () => 'later'],
    ['a builder that gives a promise that rejects', () => Promise.reject(new Error('later'))],
    ['a builder that gives a thenable', () => thenable],
    ['a builder that gives nothing', () => undefined],
    ['a builder that gives null', () => null],
    ['a builder that gives a number', () => 503],
    ['a builder that gives a symbol', () => Symbol('nope')],
    ['a builder that gives a function', () => () => 'nope'],
    ['a builder that gives what is no JSON', () => cyclic],
    ['a builder that gives a Response that has been used', () => used],
  ])('%s', async (_, builder) => {
    if (!used.bodyUsed) await used.text()
    const { response, outcome } = await timedOut(builder as never)
    expect(outcome).toMatchObject({ kind: 'timed-out', status: 503 })
    await isDefault(response)
  })

  test('a Response template that was used in the meantime', async () => {
    const template = new Response('busy')
    const { clock, options } = observed({ timeoutMs: 10, timeoutResponse: template })
    const guarded = guard(never, options)
    await template.text()
    const reply = guarded(get())
    await clock.advance(10)
    await isDefault(await soon(reply))
  })
})

describe('failureResponse', () => {
  const boom = (): never => {
    throw new Error('boom')
  }

  test('takes the place of the 500, with the outcome at hand', async () => {
    const guarded = guard(boom, {
      failureResponse: ({ error, phase, status }) => `${phase} ${status} ${(error as Error).message}`,
    })
    const response = guarded(get()) as Response
    expect(response.status).toBe(500)
    expect(await response.text()).toBe('handling 500 boom')
  })

  test('falls back to the 500', async () => {
    const response = guard(boom, { failureResponse: boom })(get()) as Response
    expect(response.status).toBe(500)
    expect(await response.json()).toMatchObject({ code: 'HANDLER_FAILED' })
  })

  test('does not take the place of a response that was thrown', async () => {
    const thrown = new Response('mine', { status: 502 })
    const guarded = guard(
      () => {
        throw thrown
      },
      { failureResponse: 'no' },
    )
    expect(guarded(get())).toBe(thrown)
  })

  test('takes the place of the 503 of a shutdown', async () => {
    const stop = new AbortController()
    const reply = guard(never, { shutdown: stop.signal, failureResponse: 'stopping' })(get())
    stop.abort()
    const response = await soon(reply)
    expect([response.status, await response.text()]).toEqual([503, 'stopping'])
  })
})

describe('rejectionResponse', () => {
  test('takes the place of the 504 of an expired request', async () => {
    const guarded = guard(never, { inbound: () => 0, rejectionResponse: ({ reason }) => ({ reason }) })
    const response = guarded(get()) as Response
    expect(response.status).toBe(504)
    expect(await response.json()).toEqual({ reason: 'expired' })
  })

  test.each<[string, Reply<Rejected>]>([
    ['text', 'Busy'],
    ['an object', { error: 'busy' }],
    ['a function', () => 'Busy'],
  ])('keeps Retry-After when %s takes the place of the body of a refusal', (_, rejectionResponse) => {
    const guarded = guard(never, { maxConcurrent: 1, retryAfterSeconds: 9, rejectionResponse })
    void guarded(get())
    const response = guarded(get()) as Response
    expect(response.status).toBe(503)
    expect(response.headers.get('retry-after')).toBe('9')
  })
})

describe('a reply without a body', () => {
  test.each<[string, Reply<TimedOut> | undefined]>([
    ['the default', undefined],
    ['text', 'busy'],
    ['an object', { error: 'busy' }],
    ['a Response', new Response('busy', { headers: { 'x-mine': '1' } })],
    ['a function', () => 'busy'],
  ])('goes to a HEAD request instead of %s', async (_, reply) => {
    const { response } = await timedOut(reply, { method: 'HEAD' })
    expect(response.body).toBeNull()
    expect(response.headers.has('content-type')).toBe(true)
  })

  test.each([204, 205, 304])('is sent for %i', async (status) => {
    const { response, outcome } = await timedOut(() => new Response(null, { status }))
    expect(response.status).toBe(status)
    expect(response.body).toBeNull()
    expect(outcome.status).toBe(status)
  })

  test('goes to a HEAD request that is refused or fails', async () => {
    const head = () => get('/', { method: 'HEAD' })
    const expired = guard(never, { inbound: () => 0 })(head()) as Response
    expect([expired.status, expired.body]).toEqual([504, null])
    const failed = guard(() => {
      throw new Error('boom')
    })(head()) as Response
    expect([failed.status, failed.body]).toEqual([500, null])
  })
})

describe('a reply', () => {
  test('is sent though its builder looks at the scope and writes into it', async () => {
    const { response } = await timedOut((_, request) => {
      void request.signal
      return 'fine'
    })
    expect(await response.text()).toBe('fine')
  })

  test('is sent once though the builder starts the guard again', async () => {
    const guarded = guard(() => new Response('again'))
    const { response } = await timedOut((_, request) => {
      void guarded(request)
      return 'first'
    })
    expect(await response.text()).toBe('first')
  })

  test('is refused as an option when it is a Response that has been used', async () => {
    const used = new Response('used')
    await used.text()
    const error = await thrownBy(() => guard(never, { timeoutResponse: used }))
    expect(error).toMatchObject({ code: 'INVALID_OPTION', option: 'timeoutResponse' })
  })
})

describe('a reply is known as made for one request alone', () => {
  const outcome = { kind: 'failed', phase: 'handling', status: 500, elapsedMs: 0, error: undefined } as const
  const template = new Response('one for all')
  const shared = new Response(null, { status: 503 })

  test.each<[string, Reply<Failed> | undefined, boolean]>([
    ['the default', undefined, true],
    ['text', 'busy', true],
    ['text of a function', () => 'busy', true],
    ['an object of a function', () => ({ busy: true }), true],
    ['a copy of a response that is the option', template, true],
    ['not a response that a function gives', () => shared, false],
  ])('%s', (_, option, expected) => {
    const reply = answer(option, { ...outcome }, get(), () => problem(500, 'HANDLER_FAILED'))
    expect(isOwnReply(reply)).toBe(expected)
  })
})
