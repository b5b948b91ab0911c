import { parseReport, type Report } from '@curfew/core/report'
import { describe, expect, test } from 'vitest'
import { fire, rejection } from '../test/fire.ts'
import { hang, Receiver, reply } from '../test/receiver.ts'
import { failed } from '../test/reports.ts'
import { webhook } from './webhook.ts'
import { WebhookError } from './webhook-error.ts'

/** So long that no test gets there. */
const NEVER = 600_000

const numbered = (count: number): Report[] =>
  Array.from({ length: count }, (_, index) => ({ ...failed, id: `report-${index}` }))

const idsIn = (body: string): string[] =>
  (JSON.parse(body) as { reports: unknown[] }).reports.map((report) => parseReport(report).id)

describe('a batch', () => {
  test('is sent as soon as it is full, and tells all of its reports', async () => {
    const receiver = await Receiver.start(reply())
    const hook = webhook(receiver.url, { batchSize: 3, batchMs: NEVER })
    await Promise.all(numbered(6).map((report) => fire(hook, report)))
    expect(receiver.received.map(({ body }) => idsIn(body))).toEqual([
      ['report-0', 'report-1', 'report-2'],
      ['report-3', 'report-4', 'report-5'],
    ])
  })

  test('that does not get full is sent after a while', async () => {
    const receiver = await Receiver.start(reply())
    const hook = webhook(receiver.url, { batchSize: 100, batchMs: 5 })
    await Promise.all(numbered(2).map((report) => fire(hook, report)))
    expect(receiver.received.map(({ body }) => idsIn(body))).toEqual([['report-0', 'report-1']])
  })

  test('has a key of its own, which is the same for each attempt', async () => {
    const receiver = await Receiver.start(reply(500), reply(), reply())
    const hook = webhook(receiver.url, { batchSize: 2, batchMs: NEVER, backoffMs: 1 })
    for (const reports of [numbered(2), numbered(2)])
      await Promise.all(reports.map((report) => fire(hook, report)))
    const [first, again, next] = receiver.received.map(({ headers }) => headers['idempotency-key'])
    expect(first).toMatch(/^[0-9a-f-]{36}$/)
    expect(again).toBe(first)
    expect(next).not.toBe(first)
  })

  test('that fails fails each of its reports', async () => {
    const receiver = await Receiver.start(reply(400))
    const hook = webhook(receiver.url, { batchSize: 2, batchMs: NEVER })
    const errors = await Promise.all(numbered(2).map((report) => rejection(fire(hook, report))))
    for (const error of errors) expect(error).toMatchObject({ code: 'WEBHOOK_FAILED', status: 400 })
    expect(receiver.received).toHaveLength(1)
  })

  test('that is too large is divided until it fits', async () => {
    const receiver = await Receiver.start(reply())
    const maxBytes = JSON.stringify({ reports: numbered(2) }).length + 10
    const hook = webhook(receiver.url, { batchSize: 5, batchMs: NEVER, maxBytes, concurrency: 1 })
    await Promise.all(numbered(5).map((report) => fire(hook, report)))
    const ids = receiver.received.map(({ body }) => idsIn(body))
    expect(ids.flat().sort()).toEqual(numbered(5).map(({ id }) => id))
    for (const { body } of receiver.received) expect(Buffer.byteLength(body)).toBeLessThanOrEqual(maxBytes)
    expect(receiver.received.length).toBeLessThan(5)
  })

  test('with one report that is too large loses only that one', async () => {
    const receiver = await Receiver.start(reply())
    const [first, second] = numbered(2)
    const large: Report = { ...second!, error: { name: 'Error', message: 'x'.repeat(10_000) } }
    const hook = webhook(receiver.url, { batchSize: 2, batchMs: NEVER, maxBytes: 5_000 })
    const lost = rejection(fire(hook, large))
    await fire(hook, first!)
    expect(String(await lost)).toContain('Report is larger than maxBytes 5000')
    expect(receiver.received.map(({ body }) => idsIn(body))).toEqual([['report-0']])
  })

  test('holds no more than its format can', async () => {
    const receiver = await Receiver.start(reply())
    const format = { write: (reports: readonly Report[]) => ({ reports }), maxReports: 2 }
    const hook = webhook(receiver.url, { batchSize: 100, batchMs: NEVER, format })
    await Promise.all(numbered(4).map((report) => fire(hook, report)))
    expect(receiver.received.map(({ body }) => idsIn(body).length)).toEqual([2, 2])
  })
})

describe('a signal that is aborted', () => {
  test('while the batch waits takes its report out', async () => {
    const receiver = await Receiver.start(reply())
    const hook = webhook(receiver.url, { batchSize: 2, batchMs: NEVER })
    const [first, second, third] = numbered(3)
    const controller = new AbortController()
    const gone = rejection(fire(hook, first!, controller.signal))
    controller.abort()
    expect(await gone).toBeInstanceOf(WebhookError)
    await Promise.all([fire(hook, second!), fire(hook, third!)])
    expect(receiver.received.map(({ body }) => idsIn(body))).toEqual([['report-1', 'report-2']])
  })

  test('of the last report that waits leaves no timer', async () => {
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
    const before = timers()
    const hook = webhook('http://127.0.0.1:9/', { batchSize: 2, batchMs: NEVER })
    const controller = new AbortController()
    const gone = rejection(fire(hook, failed, controller.signal))
    controller.abort()
    expect(await gone).toBeInstanceOf(WebhookError)
    while (timers() > before) await new Promise((resolve) => setImmediate(resolve))
  })

  test('once the batch is under way stops it only if there is nobody else', async () => {
    const receiver = await Receiver.start(hang)
    const hook = webhook(receiver.url, { batchSize: 2, batchMs: NEVER })
    const controllers = [new AbortController(), new AbortController()] as const
    const fires = controllers.map(({ signal }, index) => rejection(fire(hook, numbered(2)[index]!, signal)))
    await receiver.reached(1)
    controllers[0].abort()
    expect(await fires[0]).toBeInstanceOf(WebhookError)
    expect(receiver.underWay).toBe(1)
    controllers[1].abort()
    expect(await fires[1]).toBeInstanceOf(WebhookError)
    while (receiver.underWay > 0) await new Promise((resolve) => setImmediate(resolve))
    expect(receiver.received).toHaveLength(1)
  })
})

describe('flush', () => {
  const { signal } = new AbortController()

  test('sends what waits, and resolves when it has arrived', async () => {
    const receiver = await Receiver.start(reply())
    const hook = webhook(receiver.url, { batchSize: 100, batchMs: NEVER })
    const fires = numbered(3).map((report) => fire(hook, report))
    await hook.flush?.({ signal })
    expect(receiver.received.map(({ body }) => idsIn(body).length)).toEqual([3])
    await Promise.all(fires)
  })

  test('waits for what is under way, retries included', async () => {
    const receiver = await Receiver.start(reply(500), reply(500), reply())
    const hook = webhook(receiver.url, { backoffMs: 1 })
    const fired = fire(hook, failed)
    await hook.flush?.({ signal })
    expect(receiver.received).toHaveLength(3)
    await fired
  })

  test('with nothing to send resolves', async () => {
    const hook = webhook('http://127.0.0.1:9/', { batchSize: 2 })
    await hook.flush?.({ signal })
    expect(await rejection(fire(hook, failed, AbortSignal.abort()))).toBeInstanceOf(WebhookError)
    await hook.flush?.({ signal })
  })

  test('resolves, too, if the reports are given up: that is told where they were fired', async () => {
    const receiver = await Receiver.start(reply(400))
    const hook = webhook(receiver.url)
    const fired = rejection(fire(hook, failed))
    await hook.flush?.({ signal })
    expect(await fired).toMatchObject({ status: 400 })
  })

  test('while the receiver hangs ends with its signal, and says what is left', async () => {
    const receiver = await Receiver.start(hang)
    const hook = webhook(receiver.url)
    const [flushing, firing] = [new AbortController(), new AbortController()]
    const fires = numbered(2).map((report) => rejection(fire(hook, report, firing.signal)))
    const flushed = rejection(Promise.resolve(hook.flush?.({ signal: flushing.signal })))
    await receiver.reached(2)
    flushing.abort()
    expect(String(await flushed)).toBe(
      'WebhookError: Webhook was not flushed in time: 2 reports are under way',
    )
    firing.abort()
    await Promise.all(fires)
    await hook.flush?.({ signal })
  })
})
