import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fire, rejection } from '../test/fire.ts'
import { hostileReport } from '../test/hostile-text.ts'
import { Receiver, reply } from '../test/receiver.ts'
import { abandoned, failed, late, repeated, timedOut } from '../test/reports.ts'
import { slack } from './slack.ts'
import { webhook } from './webhook.ts'

interface Text {
  readonly type: string
  readonly text: string
  readonly verbatim?: boolean
  readonly emoji?: boolean
}

interface Message {
  readonly text: string
  readonly blocks: readonly {
    readonly type: string
    readonly text?: Text
    readonly elements?: readonly Text[]
  }[]
}

const messageOf = (...args: Parameters<ReturnType<typeof slack>['write']>) =>
  slack().write(...args) as Message

const textsIn = ({ blocks }: Message) =>
  blocks.flatMap(({ text, elements = [] }) => (text ? [text] : elements))

test('a message tells what was thrown, at what, and where the report is', async () => {
  const receiver = await Receiver.start(reply(200, 'ok'))
  await fire(webhook(receiver.url, { format: slack() }), failed)
  const message = JSON.parse(receiver.received[0]?.body ?? '') as Message
  expect(message.text).toBe(
    'failed 500: POST /users/:id/orders\n' +
      'QueryError: duplicate key value violates unique constraint "orders_pkey"',
  )
  const [header, section, context] = message.blocks
  expect(header).toEqual({
    type: 'header',
    text: { type: 'plain_text', emoji: false, text: 'failed 500: POST /users/:id/orders' },
  })
  expect(section?.text?.text).toMatch(
    /^```\nQueryError: duplicate key.*store\.ts:41:13.*cause: Error: .*\n```$/s,
  )
  for (const fact of [
    'shop 2.3.1, eu-central-1, shop-7c9d',
    `report ${failed.id}`,
    'request req-7421',
    failed.time,
  ]) {
    expect(context?.elements?.[0]?.text).toContain(fact)
  }
})

test.each([timedOut, late, abandoned, repeated])('a message of $kind has no empty texts', (report) => {
  for (const { text } of textsIn(messageOf([report]))) expect(text.trim()).not.toBe('')
})

test('what was not thrown has no section', () => {
  expect(messageOf([abandoned]).blocks.map(({ type }) => type)).toEqual(['header', 'context'])
})

test('markup is told as it was written', () => {
  const message = messageOf([{ ...failed, error: { name: 'Error', message: '<b> & ``` <!here> @here' } }])
  expect(message.blocks[1]?.text?.text).toBe("```\nError: &lt;b&gt; &amp; ''' &lt;!here&gt; @\u200bhere\n```")
})

test('no report gets beyond what Slack takes, nor mentions anybody', () => {
  fc.assert(
    fc.property(fc.array(hostileReport, { minLength: 1, maxLength: 10 }), (reports) => {
      const message = messageOf(reports)
      expect(message.blocks.length).toBeLessThanOrEqual(50)
      expect(JSON.stringify(message.blocks).length).toBeLessThan(13_000)
      for (const { type, text, verbatim, emoji } of textsIn(message)) {
        expect(text.length).toBeGreaterThan(0)
        expect(text.length).toBeLessThanOrEqual(3_000)
        if (type === 'plain_text') expect(emoji).toBe(false)
        else {
          expect(verbatim).toBe(true)
          expect(text).not.toMatch(/[<>]|@[^\u200b]|&(?!amp;|lt;|gt;)/)
          expect(text.slice(3, -3)).not.toContain('```')
        }
      }
      for (const { text } of message.blocks.flatMap((block) =>
        block.type === 'header' ? [block.text!] : [],
      )) {
        expect(text.length).toBeLessThanOrEqual(150)
      }
      expect(message.text).not.toMatch(/[<>]|@(?!\u200b)/)
    }),
    { numRuns: 100 },
  )
})

test('ten reports are one message, and more are more', async () => {
  const receiver = await Receiver.start(reply(200, 'ok'))
  const hook = webhook(receiver.url, { format: slack(), batchSize: 100, batchMs: 600_000 })
  const fires = Array.from({ length: 12 }, () => fire(hook, failed))
  await hook.flush?.({ signal: new AbortController().signal })
  await Promise.all(fires)
  const headers = receiver.received.map(
    ({ body }) => (JSON.parse(body) as Message).blocks.filter(({ type }) => type === 'header').length,
  )
  expect(headers).toEqual([10, 2])
})

test('a message that Slack refuses is not sent again', async () => {
  const receiver = await Receiver.start(reply(400, 'invalid_blocks'))
  const error = await rejection(fire(webhook(receiver.url, { format: slack() }), failed))
  expect(error).toMatchObject({ status: 400, attempts: 1 })
})
