import { createHmac } from 'node:crypto'
import { InvalidOptionError } from '@curfew/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fire, rejection } from '../test/fire.ts'
import { hostileReport } from '../test/hostile-text.ts'
import { Receiver, reply, resetMidway } from '../test/receiver.ts'
import { failed, timedOut } from '../test/reports.ts'
import { feishu } from './feishu.ts'
import { webhook } from './webhook.ts'

const accepted = JSON.stringify({
  StatusCode: 0,
  StatusMessage: 'success',
  code: 0,
  data: {},
  msg: 'success',
})

async function sent(format = feishu()): Promise<Record<string, unknown>> {
  const receiver = await Receiver.start(reply(200, accepted))
  await fire(webhook(receiver.url, { format }), failed)
  return JSON.parse(receiver.received[0]?.body ?? '') as Record<string, unknown>
}

test('a card tells what was thrown, at what, and where the report is', async () => {
  expect(await sent()).toEqual({
    msg_type: 'interactive',
    card: {
      config: { wide_screen_mode: true },
      header: {
        template: 'red',
        title: { tag: 'plain_text', content: 'failed 500: POST /users/:id/orders' },
      },
      elements: [
        {
          tag: 'div',
          text: { tag: 'plain_text', content: expect.stringMatching(/^QueryError: .*\n.*cause: /s) },
        },
        { tag: 'note', elements: [{ tag: 'plain_text', content: expect.stringContaining(failed.id) }] },
      ],
    },
  })
})

test('several reports are one card', async () => {
  const body = (await feishu().write([failed, timedOut])) as {
    card: { header: unknown; elements: { tag: string }[] }
  }
  expect(body.card.header).toMatchObject({ title: { content: '2 reports' } })
  expect(body.card.elements.map(({ tag }) => tag)).toEqual(['div', 'div', 'note', 'hr', 'div', 'div', 'note'])
})

test('with a secret the body is signed as Feishu wants it', async () => {
  const { timestamp, sign, msg_type: type } = await sent(feishu({ secret: 'sesame' }))
  expect(Math.abs(Number(timestamp) - Date.now() / 1_000)).toBeLessThan(60)
  expect(sign).toBe(createHmac('sha256', `${timestamp}\nsesame`).update('').digest('base64'))
  expect(type).toBe('interactive')
})

describe('an answer', () => {
  test.each([
    ['of today', accepted],
    ['of old', JSON.stringify({ Extra: null, StatusCode: 0, StatusMessage: 'success' })],
  ])('%s that says yes is taken', async (_, answer) => {
    const receiver = await Receiver.start(reply(200, answer))
    await fire(webhook(receiver.url, { format: feishu() }), failed)
    expect(receiver.received).toHaveLength(1)
  })

  test.each([
    [
      'a sign that does not match',
      200,
      { code: 19021, msg: 'sign match fail or timestamp is not within one hour' },
    ],
    ['a bad request', 400, { code: 9499, msg: 'Bad Request', data: {} }],
    ['a word that is missing', 200, { code: 19024, msg: 'Key Words Not Found' }],
  ])('for %s is final', async (_, status, answer) => {
    const receiver = await Receiver.start(reply(status, JSON.stringify(answer)))
    const error = await rejection(fire(webhook(receiver.url, { format: feishu() }), failed))
    expect(error).toMatchObject({ code: 'WEBHOOK_FAILED', status, attempts: 1 })
    expect(String(error)).toContain(`answered ${status}, code ${answer.code} (${answer.msg})`)
  })

  test.each([
    ['too many messages', reply(200, JSON.stringify({ code: 11232, msg: 'frequency limited' }))],
    ['too many requests', reply(200, JSON.stringify({ code: 9499, msg: 'too many request' }))],
    [
      'too much, with 400',
      reply(400, JSON.stringify({ code: 99991400, msg: 'request trigger frequency limit' })),
    ],
    ['too much, with 429', reply(429, JSON.stringify({ code: 99991400 }))],
    ['nothing, for it broke off', resetMidway(200)],
  ])('for %s is asked for again', async (_, answer) => {
    const receiver = await Receiver.start(answer, reply(200, accepted))
    await fire(webhook(receiver.url, { format: feishu(), backoffMs: 1 }), failed)
    expect(receiver.received).toHaveLength(2)
  })

  test.each([
    ['is a page', '<!doctype html><title>Sign in</title>'],
    ['is empty', ''],
    ['is null', 'null'],
    ['has no code', '{}'],
    ['has a code of another kind', '{"code":"0"}'],
    ['is endless', `{"code":0,"msg":"${'x'.repeat(200_000)}"}`],
  ])('that %s is no success', async (_, answer) => {
    const receiver = await Receiver.start(reply(200, answer))
    const error = await rejection(fire(webhook(receiver.url, { format: feishu() }), failed))
    expect(String(error)).toContain('answered 200, an answer without code')
    expect(receiver.received).toHaveLength(1)
  })

  test('can put neither the URL nor the cursor into the error', async () => {
    const msg = 'token secret-token \u001b[2J\nforged'
    const receiver = await Receiver.start(reply(200, JSON.stringify({ code: 19001, msg })))
    const error = await rejection(fire(webhook(receiver.url, { format: feishu() }), failed))
    expect(String(error)).toContain('code 19001 (token … \\x1b[2J\\nforged)')
  })
})

test('no card gets beyond what Feishu takes, and all of its texts are plain', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(hostileReport, { minLength: 1, maxLength: 10 }), async (reports) => {
      const body = JSON.stringify(await feishu({ secret: 'x' }).write(reports))
      expect(Buffer.byteLength(body)).toBeLessThan(20_000)
      const tags = [...body.matchAll(/"tag":"(\w+)"/g)].map(([, tag]) => tag)
      expect(tags.filter((tag) => !['plain_text', 'div', 'note', 'hr'].includes(String(tag)))).toEqual([])
      expect(body).not.toContain('"content":""')
    }),
    { numRuns: 100 },
  )
})

test.each([{ secret: '' }, { secret: 5 }, { token: 'x' }])('%j is refused', (options) => {
  expect(() => feishu(options as never)).toThrow(InvalidOptionError)
})
