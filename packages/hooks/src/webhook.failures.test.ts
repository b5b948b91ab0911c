import dns from 'node:dns'
import { getEventListeners } from 'node:events'
import type { ServerResponse } from 'node:http'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { fire, rejection } from '../test/fire.ts'
import { closedPort, drip, garbage, hang, Receiver, reply, reset, resetMidway } from '../test/receiver.ts'
import { failed } from '../test/reports.ts'
import { webhook } from './webhook.ts'
import { WebhookError } from './webhook-error.ts'

/** Pauses that nobody notices. */
const quick = { backoffMs: 1 }

/** So long that no test gets there: what waits for it has leaked. */
const NEVER = 600_000

/** Rejections that nobody handled, which is a failure of the test itself, too. */
function strayRejections(): unknown[] {
  const found: unknown[] = []
  const add = (reason: unknown) => found.push(reason)
  process.on('unhandledRejection', add)
  onTestFinished(() => void process.off('unhandledRejection', add))
  return found
}

function timers(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
}

function sockets(): number {
  return process.getActiveResourcesInfo().filter((name) => /^(TCPSocket|Connect)Wrap$/.test(name)).length
}

/** Lets what is about to happen happen. */
async function turns(count = 20): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
}

describe('what may pass is tried again', () => {
  test.each([
    ['408', reply(408)],
    ['425', reply(425)],
    ['429', reply(429)],
    ['500', reply(500)],
    ['503', reply(503)],
    ['599', reply(599)],
    ['a reset', reset],
    ['a reset of a 500 that had begun', resetMidway(500)],
    ['what is no HTTP', garbage],
  ])('%s', async (_, answer) => {
    const receiver = await Receiver.start(answer, answer, reply())
    await fire(webhook(receiver.url, quick), failed)
    expect(receiver.received).toHaveLength(3)
  })

  test('no answer in time', async () => {
    const receiver = await Receiver.start(hang, reply())
    await fire(webhook(receiver.url, { ...quick, attemptMs: 250 }), failed)
    expect(receiver.received).toHaveLength(2)
  })

  test('but so many times only', async () => {
    const receiver = await Receiver.start(reply(502))
    const error = await rejection(fire(webhook(receiver.url, { ...quick, retries: 2 }), failed))
    expect(error).toBeInstanceOf(WebhookError)
    expect(error).toMatchObject({ code: 'WEBHOOK_FAILED', status: 502, attempts: 3 })
    expect(String(error)).toBe(
      `WebhookError: Webhook failed after 3 attempts: http://127.0.0.1:${receiver.port} answered 502`,
    )
    expect(receiver.received).toHaveLength(3)
  })

  test('and not at all if there are to be no retries', async () => {
    const receiver = await Receiver.start(reply(502))
    expect(await rejection(fire(webhook(receiver.url, { retries: 0 }), failed))).toMatchObject({
      attempts: 1,
    })
    expect(receiver.received).toHaveLength(1)
  })
})

test.each([400, 401, 403, 404, 410, 413, 422, 300, 304])('%d is final', async (status) => {
  const receiver = await Receiver.start(reply(status))
  const error = await rejection(fire(webhook(receiver.url, quick), failed))
  expect(error).toMatchObject({ code: 'WEBHOOK_FAILED', status, attempts: 1 })
  expect(receiver.received).toHaveLength(1)
})

test.each([301, 302, 307, 308])('a redirect is not followed: %d', async (status) => {
  const elsewhere = await Receiver.start(reply())
  const receiver = await Receiver.start(reply(status, '', { location: elsewhere.url }))
  const error = await rejection(fire(webhook(receiver.url, { secret: 'sesame', ...quick }), failed))
  expect(error).toMatchObject({ attempts: 1 })
  expect(elsewhere.received).toEqual([])
})

test.each([
  ['breaks off', resetMidway(200)],
  ['takes too long', drip(200)],
  ['is endless', reply(200, 'x'.repeat(10_000_000))],
  ['is not what it says', reply(200, 'no gzip', { 'content-encoding': 'gzip' })],
])('a report is accepted with the status, also if the rest of the answer %s', async (_, answer) => {
  const receiver = await Receiver.start(answer)
  await fire(webhook(receiver.url, { attemptMs: 500 }), failed)
  expect(receiver.received).toHaveLength(1)
})

test('what is left of a long answer keeps no connection', async () => {
  const receiver = await Receiver.start((response) => {
    response.writeHead(200)
    const more = (): unknown =>
      response.destroyed || response.write('x'.repeat(65_536), () => setImmediate(more))
    more()
  })
  await fire(webhook(receiver.url), failed)
  while (receiver.underWay > 0) await turns(1)
  expect(receiver.received).toHaveLength(1)
})

test('a short answer leaves its connection for the next report', async () => {
  const ports = new Set<number | undefined>()
  const receiver = await Receiver.start((response, request) => {
    ports.add(request.socket.remotePort)
    response.end('ok')
  })
  const hook = webhook(receiver.url)
  for (let count = 0; count < 5; count++) await fire(hook, failed)
  expect(receiver.received).toHaveLength(5)
  // The next one may start before fetch() has put the connection back.
  expect(ports.size).toBeLessThan(5)
})

describe('a pause', () => {
  test('is as long as Retry-After asks for', async () => {
    const receiver = await Receiver.start(reply(429, '', { 'retry-after': '1' }), reply())
    await fire(webhook(receiver.url, quick), failed)
    const [first, second] = receiver.received
    expect(second!.at - first!.at).toBeGreaterThan(990)
  })

  test.each([
    ['an hour', '3600'],
    ['for ever', '9'.repeat(400)],
    ['until next century', 'Fri, 01 Jan 2100 00:00:00 GMT'],
  ])('is no longer than it may be, if that is %s', async (_, header) => {
    const receiver = await Receiver.start(reply(503, '', { 'retry-after': header }), reply())
    await fire(webhook(receiver.url, { ...quick, maxPauseMs: 5 }), failed)
    expect(receiver.received).toHaveLength(2)
  })

  test('ends with the signal, and leaves no timer', async () => {
    const receiver = await Receiver.start(reply(503, '', { 'retry-after': '600' }))
    const [set, clear] = [vi.spyOn(globalThis, 'setTimeout'), vi.spyOn(globalThis, 'clearTimeout')]
    onTestFinished(() => void vi.restoreAllMocks())
    const pauses = () => set.mock.results.filter((_, index) => set.mock.calls[index]?.[1] === NEVER)
    const controller = new AbortController()
    const hook = webhook(receiver.url, { maxPauseMs: NEVER })
    const fired = rejection(fire(hook, failed, controller.signal))
    while (pauses().length === 0) await turns(1)
    controller.abort(new Error('time is up'))
    expect(await fired).toMatchObject({ code: 'WEBHOOK_FAILED', cause: new Error('time is up') })
    expect(pauses()).toHaveLength(1)
    expect(clear).toHaveBeenCalledWith(pauses()[0]?.value)
    expect(receiver.received).toHaveLength(1)
  })

  test('doubles, less up to half at random', async () => {
    const receiver = await Receiver.start(reply(500))
    await rejection(fire(webhook(receiver.url, { backoffMs: 40, retries: 3, breakAfter: 9 }), failed))
    const times = receiver.received.map(({ at }) => at)
    const gaps = times.slice(1).map((at, index) => at - times[index]!)
    for (const [index, gap] of gaps.entries()) expect(gap).toBeGreaterThan((40 * 2 ** index) / 2 - 2)
    expect(gaps).toHaveLength(3)
  })
})

describe('the signal', () => {
  test('ends an attempt, and its connection', async () => {
    const receiver = await Receiver.start(hang)
    const controller = new AbortController()
    const fired = rejection(fire(webhook(receiver.url), failed, controller.signal))
    await receiver.reached(1)
    controller.abort()
    expect(await fired).toMatchObject({ code: 'WEBHOOK_FAILED' })
    while (receiver.underWay > 0) await turns(1)
    expect(receiver.received).toHaveLength(1)
  })

  test('that was aborted before lets nothing be sent', async () => {
    const receiver = await Receiver.start(reply())
    expect(await rejection(fire(webhook(receiver.url), failed, AbortSignal.abort()))).toBeInstanceOf(
      WebhookError,
    )
    await turns()
    expect(receiver.received).toEqual([])
  })

  test('keeps no listener', async () => {
    const receiver = await Receiver.start(reply(500), reply())
    const { signal } = new AbortController()
    await fire(webhook(receiver.url, quick), failed, signal)
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  test('ends the waiting for a place, and the next one gets it', async () => {
    const receiver = await Receiver.start(hang, reply())
    const hook = webhook(receiver.url, { concurrency: 1 })
    const [first, second] = [new AbortController(), new AbortController()]
    const fires = [fire(hook, failed, first.signal), fire(hook, failed, second.signal), fire(hook, failed)]
    const [, , third] = fires
    const rejections = fires.slice(0, 2).map(rejection)
    await receiver.reached(1)
    second.abort()
    expect(await rejections[1]).toBeInstanceOf(WebhookError)
    first.abort()
    await third
    expect(await rejections[0]).toBeInstanceOf(WebhookError)
    expect(receiver.received).toHaveLength(2)
  })
})

describe('a host whose name cannot be looked up', () => {
  const url = 'http://reports.invalid/services/T012345678/secret-token'

  /** How names are looked up from now on: there is no network to do that on. */
  function lookup(answer: (done: (error: Error) => void) => void): { count(): number } {
    const spy = vi
      .spyOn(dns, 'lookup')
      .mockImplementation(((...args: unknown[]) => answer(args.at(-1) as never)) as never)
    onTestFinished(() => spy.mockRestore())
    return { count: () => spy.mock.calls.length }
  }

  test.each(['ENOTFOUND', 'EAI_AGAIN'])(
    'fails a report after as many attempts as others: %s',
    async (code) => {
      const looked = lookup((done) =>
        setImmediate(done, Object.assign(new Error(`getaddrinfo ${code}`), { code })),
      )
      const error = await rejection(fire(webhook(url, quick), failed))
      expect(String(error)).toBe(
        `WebhookError: Webhook failed after 4 attempts: http://reports.invalid could not be reached: ${code}`,
      )
      expect(looked.count()).toBe(4)
    },
  )

  test('is waited for no longer than any other', async () => {
    const stray = strayRejections()
    lookup(() => {})
    const before = timers()
    const error = await rejection(fire(webhook(url, { ...quick, attemptMs: 20, retries: 1 }), failed))
    expect(error).toMatchObject({ attempts: 2, message: expect.stringMatching(/did not answer in time$/) })
    expect(timers()).toBeLessThanOrEqual(before)
    await turns()
    expect(stray).toEqual([])
  })

  test('holds up no flush', async () => {
    lookup(() => {})
    const hook = webhook(url, { attemptMs: NEVER })
    const { signal, abort } = aborter()
    const fired = rejection(fire(hook, failed, signal))
    const flushed = rejection(Promise.resolve(hook.flush?.({ signal })))
    abort()
    expect(await fired).toBeInstanceOf(WebhookError)
    expect(String(await flushed)).toContain('1 reports are under way')
  })
})

function aborter(): { signal: AbortSignal; abort: () => void } {
  const controller = new AbortController()
  return { signal: controller.signal, abort: () => controller.abort() }
}

test('what does not speak TLS is tried again, and told by its code', async () => {
  const receiver = await Receiver.start(reply())
  const error = await rejection(fire(webhook(`https://127.0.0.1:${receiver.port}/`, quick), failed))
  expect(error).toMatchObject({
    attempts: 4,
    message: expect.stringMatching(/could not be reached: (ERR_SSL|EPROTO)/),
  })
  expect(receiver.received).toEqual([])
})

test('a head that trickles is waited for no longer than an attempt may take', async () => {
  const receiver = await Receiver.start(({ socket }) => {
    socket!.write('HTTP/1.1 200 OK\r\n')
    const more = (): unknown => socket!.destroyed || socket!.write('x-a: b\r\n', () => setImmediate(more))
    more()
  })
  const hook = webhook(receiver.url, { ...quick, attemptMs: 50, retries: 1 })
  expect(await rejection(fire(hook, failed))).toMatchObject({ attempts: 2, status: undefined })
})

test('so many requests are under way at once as there may be, and no more', async () => {
  const held: ServerResponse[] = []
  const receiver = await Receiver.start((response) => {
    if (held.push(response) === 3) for (const each of held.splice(0)) each.end()
  })
  const hook = webhook(receiver.url, { concurrency: 3 })
  await Promise.all(Array.from({ length: 18 }, () => fire(hook, failed)))
  expect(receiver.received).toHaveLength(18)
  expect(receiver.busiest).toBe(3)
})

describe('while a receiver is down', () => {
  test('nothing is sent to it, until one request finds it up again', async () => {
    const receiver = await Receiver.start(reply(500), reply(500), reply(200))
    const hook = webhook(receiver.url, { retries: 0, breakAfter: 2, breakMs: 100 })
    await rejection(fire(hook, failed))
    await rejection(fire(hook, failed))
    const error = await rejection(fire(hook, failed))
    expect(error).toMatchObject({ code: 'WEBHOOK_FAILED', attempts: 0 })
    expect(String(error)).toBe(
      `WebhookError: Webhook is spared after 0 attempts: http://127.0.0.1:${receiver.port} failed 2 times in a row, last: answered 500`,
    )
    expect(receiver.received).toHaveLength(2)
    let failures = 0
    for (; receiver.received.length < 3; await turns(1)) await fire(hook, failed).catch(() => failures++)
    expect(failures).toBeGreaterThan(0)
    expect(receiver.received[2]!.at - receiver.received[1]!.at).toBeGreaterThan(98)
    await Promise.all([fire(hook, failed), fire(hook, failed)])
    expect(receiver.received).toHaveLength(5)
  })

  test('a retry is spared, too', async () => {
    const receiver = await Receiver.start(reply(500))
    const error = await rejection(
      fire(webhook(receiver.url, { ...quick, retries: 9, breakAfter: 2 }), failed),
    )
    expect(error).toMatchObject({ attempts: 2, status: 500 })
    expect(receiver.received).toHaveLength(2)
  })

  test('refusals do not count: it is up', async () => {
    const receiver = await Receiver.start(reply(400))
    const hook = webhook(receiver.url, { breakAfter: 2 })
    for (let count = 0; count < 5; count++) await rejection(fire(hook, failed))
    expect(receiver.received).toHaveLength(5)
  })

  test('reports that were given up before they were sent do not count', async () => {
    const receiver = await Receiver.start(hang, reply())
    const hook = webhook(receiver.url, { concurrency: 1, breakAfter: 2, retries: 0 })
    const controller = new AbortController()
    const fires = Array.from({ length: 10 }, () => rejection(fire(hook, failed, controller.signal)))
    await receiver.reached(1)
    controller.abort()
    await Promise.all(fires)
    await fire(hook, failed)
    expect(receiver.received).toHaveLength(2)
  })

  test('a request that is to find out, but is given up, does not count as found', async () => {
    const receiver = await Receiver.start(reply(500), hang, reply())
    const hook = webhook(receiver.url, { retries: 0, breakAfter: 1, breakMs: 50 })
    await rejection(fire(hook, failed))
    const controller = new AbortController()
    const { signal } = controller
    while (receiver.received.length < 2) {
      const probe = rejection(fire(hook, failed, signal))
      await Promise.race([receiver.reached(2), probe])
    }
    const waiting = rejection(fire(hook, failed))
    controller.abort()
    expect(await waiting).toMatchObject({ attempts: 0 })
    expect(receiver.received).toHaveLength(2)
  })

  test('its reports say why, and not where', async () => {
    const port = await closedPort()
    const hook = webhook(
      `http://127.0.0.1:${port}/services/T012345678/secret-token?key=another-secret`,
      quick,
    )
    const error = (await rejection(fire(hook, failed))) as WebhookError
    expect(error.message).toBe(
      `Webhook failed after 4 attempts: http://127.0.0.1:${port} could not be reached: ECONNREFUSED`,
    )
    expect(error).toMatchObject({ status: undefined, attempts: 4 })
    expect(error.cause).toBe(undefined)
    expect(JSON.stringify(error) + error.stack).not.toMatch(/secret/)
  })

  test('a thousand reports leave nothing behind', async () => {
    const stray = strayRejections()
    const hook = webhook(`http://127.0.0.1:${await closedPort()}/`, { ...quick, attemptMs: NEVER })
    const before = timers()
    const errors = await Promise.all(Array.from({ length: 1_000 }, () => rejection(fire(hook, failed))))
    expect(errors.every((error) => error instanceof WebhookError)).toBe(true)
    await hook.flush?.({ signal: new AbortController().signal })
    while (sockets() > 0 || timers() > before) await turns(1)
    expect(stray).toEqual([])
  })

  test('a thousand reports to one that hangs end with their signals, and leave nothing behind', async () => {
    const stray = strayRejections()
    const receiver = await Receiver.start(hang)
    const hook = webhook(receiver.url, { attemptMs: NEVER })
    const before = timers()
    const controllers = Array.from({ length: 1_000 }, () => new AbortController())
    const fires = controllers.map(({ signal }) => rejection(fire(hook, failed, signal)))
    await receiver.reached(4)
    for (const controller of controllers) controller.abort()
    for (const error of await Promise.all(fires)) expect(error).toBeInstanceOf(WebhookError)
    while (receiver.underWay > 0 || timers() > before) await turns(1)
    expect(stray).toEqual([])
    expect(receiver.received).toHaveLength(4)
    for (const { signal } of controllers) expect(getEventListeners(signal, 'abort')).toEqual([])
  })
})

test.each([
  ['with the URL in its message', (url: string) => new TypeError(`error sending request for url (${url})`)],
  ['with the token in its message', () => new TypeError('no route to secret-token')],
  ['with the query in its message', () => new TypeError('key another-secret is unknown')],
])('an error of fetch() %s does not give it away', async (_, makeError) => {
  const { fetch } = globalThis
  onTestFinished(() => {
    globalThis.fetch = fetch
  })
  const url = 'https://hooks.example.com/services/T012345678/secret-token?key=another-secret'
  globalThis.fetch = () => Promise.reject(makeError(url))
  const error = (await rejection(fire(webhook(url, { retries: 0 }), failed))) as WebhookError
  expect(error.message).toMatch(
    /^Webhook failed after 1 attempt: https:\/\/hooks.example.com could not be reached: /,
  )
  expect(error.message).not.toMatch(/secret|T012345678/)
})
