import { createHmac } from 'node:crypto'
import { InvalidOptionError } from '@curfew/core'
import { parseReport, type Report } from '@curfew/core/report'
import { describe, expect, test } from 'vitest'
import { fire, rejection } from '../test/fire.ts'
import { Receiver, reply } from '../test/receiver.ts'
import { all, failed, late, timedOut } from '../test/reports.ts'
import { verifySignature } from './signature.ts'
import { slack } from './slack.ts'
import { type WebhookOptions, webhook } from './webhook.ts'
import { WebhookError } from './webhook-error.ts'

function reportsIn(body: string): Report[] {
  const { reports } = JSON.parse(body) as { reports: unknown[] }
  return reports.map(parseReport)
}

test('a report is POSTed as JSON in a list, and taken for delivered by a 2xx', async () => {
  const receiver = await Receiver.start(reply(204))
  await fire(webhook(receiver.url), failed)
  const [request] = receiver.received
  expect(request?.path).toBe('/services/T012345678/secret-token')
  expect(request?.headers).toMatchObject({
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(request?.body ?? '')),
    'idempotency-key': failed.id,
  })
  expect(request?.headers['webhook-signature']).toBe(undefined)
  expect(reportsIn(request?.body ?? '')).toEqual([failed])
})

test.each(all)('$kind $id arrives as it was', async (report) => {
  const receiver = await Receiver.start(reply())
  await fire(webhook(receiver.url), report)
  expect(JSON.parse(receiver.received[0]?.body ?? '')).toEqual({ reports: [report] })
})

test('a late report, which has the id of another one, is not taken for that', async () => {
  const receiver = await Receiver.start(reply())
  const hook = webhook(receiver.url)
  await fire(hook, timedOut)
  await fire(hook, late)
  const keys = receiver.received.map(({ headers }) => headers['idempotency-key'])
  expect(timedOut.id).toBe(late.id)
  expect(keys).toEqual([timedOut.id, `${timedOut.id}-late`])
})

test('headers are sent along, and the content type can be another', async () => {
  const receiver = await Receiver.start(reply())
  const headers = { authorization: 'Bearer abc', 'Content-Type': 'application/vnd.curfew+json' }
  await fire(webhook(receiver.url, { headers }), failed)
  expect(receiver.received[0]?.headers).toMatchObject({
    authorization: 'Bearer abc',
    'content-type': 'application/vnd.curfew+json',
  })
})

test('with a secret each request is signed, over its time and its body', async () => {
  const receiver = await Receiver.start(reply())
  const before = Math.floor(Date.now() / 1_000)
  await fire(webhook(receiver.url, { secret: 'sesame' }), failed)
  const { body, headers } = receiver.received[0]!
  const header = String(headers['webhook-signature'])
  const [, seconds, code] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(header) ?? []
  expect(Number(seconds)).toBeGreaterThanOrEqual(before)
  expect(code).toBe(createHmac('sha256', 'sesame').update(`${seconds}.${body}`).digest('hex'))
  expect(await verifySignature(body, header, 'sesame')).toBe(true)
})

test('a retry has the same body and the same key', async () => {
  const receiver = await Receiver.start(reply(500), reply(500), reply(200))
  await fire(webhook(receiver.url, { backoffMs: 1 }), failed)
  expect(new Set(receiver.received.map(({ headers }) => headers['idempotency-key'])).size).toBe(1)
  expect(new Set(receiver.received.map(({ body }) => body)).size).toBe(1)
  expect(receiver.received).toHaveLength(3)
})

describe('a format', () => {
  test('is what a function makes of the reports', async () => {
    const receiver = await Receiver.start(reply())
    const format = (reports: readonly Report[]) => ({ content: reports.map(({ id }) => id) })
    await fire(webhook(receiver.url, { format }), failed)
    expect(receiver.received[0]?.body).toBe(JSON.stringify({ content: [failed.id] }))
  })

  test('may take its time, and may read the answer', async () => {
    const receiver = await Receiver.start(reply(200, 'later'), reply(200, 'fine'))
    const answers: (string | undefined)[] = []
    class Format {
      private readonly content = 'hello'
      async write() {
        return { content: this.content }
      }
      read(answer: string | undefined) {
        answers.push(answer)
        return answer === 'fine' ? undefined : { reason: `it said ${this.content}`, retry: true }
      }
    }
    await fire(webhook(receiver.url, { format: new Format(), backoffMs: 1 }), failed)
    expect(answers).toEqual(['later', 'fine'])
    expect(receiver.received.map(({ body }) => body)).toEqual(['{"content":"hello"}', '{"content":"hello"}'])
  })

  test('whose refusal is final is not asked again', async () => {
    const receiver = await Receiver.start(reply(200, 'no'))
    const format = { write: () => ({}), read: () => ({ reason: 'said no', retry: false }) }
    const error = await rejection(fire(webhook(receiver.url, { format }), failed))
    expect(error).toMatchObject({ code: 'WEBHOOK_FAILED', status: 200, attempts: 1 })
    expect(String(error)).toContain('answered 200, said no')
  })

  test.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('broken')
      },
    ],
    ['rejects', () => Promise.reject(new Error('broken'))],
    ['gives nothing', () => undefined],
    ['gives what JSON does not know', () => ({ big: 1n })],
  ])('that %s fails the report, and nothing is sent', async (_, format) => {
    const receiver = await Receiver.start(reply())
    const error = await rejection(fire(webhook(receiver.url, { format }), failed))
    expect(error).toBeInstanceOf(WebhookError)
    expect(error).toMatchObject({ attempts: 0, cause: expect.any(Error) })
    expect(receiver.received).toEqual([])
  })

  test('that throws while it reads fails the report', async () => {
    const receiver = await Receiver.start(reply())
    const cause = new Error('broken')
    const format = {
      write: () => ({}),
      read: () => {
        throw cause
      },
    }
    expect(await rejection(fire(webhook(receiver.url, { format }), failed))).toMatchObject({
      cause,
      attempts: 1,
    })
  })
})

describe('a body that is too large', () => {
  test('loses the longest parts of its report until it fits, and says which', async () => {
    const receiver = await Receiver.start(reply())
    const text = 'x'.repeat(5_000)
    const report: Report = {
      ...failed,
      request: { ...failed.request, body: { kind: 'text', bytes: 5_000, complete: true, text } },
    }
    await fire(webhook(receiver.url, { maxBytes: 3_000 }), report)
    const { body } = receiver.received[0]!
    expect(Buffer.byteLength(body)).toBeLessThanOrEqual(3_000)
    const { body: _, ...request } = failed.request
    expect(reportsIn(body)).toEqual([{ ...failed, request, omitted: ['request.body'] }])
  })

  test('is measured in bytes', async () => {
    const receiver = await Receiver.start(reply())
    const report: Report = { ...failed, error: { name: 'Error', message: '你'.repeat(1_000) } }
    const error = await rejection(fire(webhook(receiver.url, { maxBytes: 2_500 }), report))
    expect(String(error)).toMatch(/^WebhookError: Report is larger than maxBytes 2500: \d+ bytes$/)
    expect(receiver.received).toEqual([])
  })
})

describe('options', () => {
  const url = 'https://hooks.example.com/services/T012345678/secret-token'

  test.each<[keyof WebhookOptions, unknown]>([
    ['name', ''],
    ['headers', { 'not a name': 'x' }],
    ['headers', { name: 'two\nlines' }],
    ['headers', 'authorization: x'],
    ['headers', { count: 5 }],
    ['secret', ''],
    ['secret', 5],
    ['format', 'slack'],
    ['format', {}],
    ['format', null],
    ['maxBytes', 0],
    ['batchSize', 0],
    ['batchSize', 1.5],
    ['batchMs', -1],
    ['concurrency', 0],
    ['attemptMs', 0],
    ['attemptMs', '5000'],
    ['retries', -1],
    ['retries', Infinity],
    ['backoffMs', Number.NaN],
    ['maxPauseMs', -1],
    ['breakAfter', 0],
    ['breakMs', Infinity],
    ['retry' as never, 3],
  ])('%s cannot be %j', (name, value) => {
    expect(() => webhook(url, { [name]: value })).toThrow(InvalidOptionError)
    expect(() => webhook(url, { [name]: value })).toThrow(`Invalid option ${name}: `)
  })

  test.each([
    ['nonsense', 'not a url but secret-token'],
    ['another protocol', 'file:///etc/secret-token'],
    ['credentials', 'https://user:secret-token@hooks.example.com/'],
    ['a user', 'https://secret-token@hooks.example.com/x'],
  ])('a URL with %s is refused, and not repeated', (_, bad) => {
    const refuse = () => webhook(bad)
    expect(refuse).toThrow(InvalidOptionError)
    expect(refuse).toThrow(
      expect.objectContaining({ option: 'url', message: expect.not.stringContaining('secret') }),
    )
  })

  test.each([undefined, null, 5, {}])('%s is no URL', (bad) => {
    expect(() => webhook(bad as never)).toThrow(`Invalid option url: expected a URL, got `)
  })

  test('a URL object is taken as it is then', async () => {
    const receiver = await Receiver.start(reply())
    const address = new URL(receiver.url)
    const hook = webhook(address)
    address.pathname = '/elsewhere'
    await fire(hook, failed)
    expect(receiver.received[0]?.path).toBe('/services/T012345678/secret-token')
  })

  test('the name tells two of them apart', () => {
    expect(webhook(url).name).toBe('webhook')
    expect(webhook(url, { name: 'slack' }).name).toBe('slack')
  })
})

test('a secret that is a variable which is not set is refused, for nothing would be signed', () => {
  const options = { secret: undefined } as unknown as WebhookOptions
  expect(() => webhook('http://127.0.0.1/', options)).toThrow(/^Invalid option secret: expected a string/)
})

test('a URL that is none is not told again', () => {
  expect(() => webhook('hooks.example/secret')).toThrow(
    'Invalid option url: expected a URL, got "[hidden, 20 characters]"',
  )
  expect(() => webhook('')).toThrow('Invalid option url: expected a URL, got ""')
})

test('a format that was not called is told so', async () => {
  const receiver = await Receiver.start(reply())
  const hook = webhook(receiver.url, { format: slack as never })
  const error = (await rejection(fire(hook, failed))) as Error
  expect(error.cause).toEqual(new TypeError('Format makes a format, and has to be called: slack()'))
  expect(receiver.received).toEqual([])
})
