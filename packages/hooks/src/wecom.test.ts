import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fire, rejection } from '../test/fire.ts'
import { hostileReport } from '../test/hostile-text.ts'
import { Receiver, reply } from '../test/receiver.ts'
import { failed } from '../test/reports.ts'
import { webhook } from './webhook.ts'
import { wecom } from './wecom.ts'

interface Message {
  readonly msgtype: string
  readonly markdown: { readonly content: string }
}

const accepted = JSON.stringify({ errcode: 0, errmsg: 'ok' })
const quick = { format: wecom(), backoffMs: 1 }

test('a message tells what was thrown, at what, and where the report is', async () => {
  const receiver = await Receiver.start(reply(200, accepted))
  await fire(webhook(receiver.url, quick), failed)
  const { msgtype, markdown } = JSON.parse(receiver.received[0]?.body ?? '') as Message
  expect(msgtype).toBe('markdown')
  const [heading, first, ...rest] = markdown.content.split('\n')
  expect(heading).toBe('**failed 500: POST /users/:id/orders**')
  expect(first).toBe('> QueryError: duplicate key value violates unique constraint "orders_pkey"')
  expect(rest).toContain(`> report ${failed.id}`)
  expect(rest.every((line) => line.startsWith('> '))).toBe(true)
})

test.each([
  ['too many messages', 45009],
  ['a busy system', -1],
])('%s: sent again', async (_, errcode) => {
  const receiver = await Receiver.start(
    reply(200, JSON.stringify({ errcode, errmsg: 'later' })),
    reply(200, accepted),
  )
  await fire(webhook(receiver.url, quick), failed)
  expect(receiver.received).toHaveLength(2)
})

test.each([
  ['a key that is not known', JSON.stringify({ errcode: 93000, errmsg: 'invalid webhook url' })],
  ['an answer of somebody else', 'hello'],
])('%s: final', async (_, answer) => {
  const receiver = await Receiver.start(reply(200, answer))
  const error = await rejection(fire(webhook(receiver.url, quick), failed))
  expect(error).toMatchObject({ code: 'WEBHOOK_FAILED', status: 200, attempts: 1 })
})

test('the longest report, and five of them, are within 4096 bytes and without markup of their own', () => {
  fc.assert(
    fc.property(fc.array(hostileReport, { minLength: 1, maxLength: 5 }), (reports) => {
      const { content } = (wecom().write(reports) as Message).markdown
      expect(Buffer.byteLength(content)).toBeLessThanOrEqual(4_096)
      for (const line of content.split('\n')) {
        const text = /^\*\*(.*)\*\*$/.exec(line)?.[1] ?? /^> (.*)$/.exec(line)?.[1] ?? line
        if (text === line) expect(text).toBe('…')
        expect(text).not.toMatch(/[<>[\]*`]/)
      }
    }),
    { numRuns: 200 },
  )
})
