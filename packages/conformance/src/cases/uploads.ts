import { createHash, randomBytes } from 'node:crypto'
import { expect } from 'vitest'
import type { Area, Case } from '../case.ts'
import { type Answer, expectText } from '../expectations.ts'
import { requestHead } from '../wire.ts'

/** Request bodies arrive as they were sent. */
export const uploads: Area = {
  name: 'uploads',
  protocols: ['http/1.1', 'h2c', 'h2'],
  quiet: true,
  cases: (protocol) => [
    ...(
      [
        ['0 bytes', 0],
        ['1 kB', 1024],
        ['5 MB', 5 * 1024 * 1024],
      ] as const
    ).map(([size, bytes]) => upload(size, bytes)),
    manyAtOnce,
    ...(protocol === 'http/1.1' ? [chunked, expectContinue] : []),
  ],
}

function expectReceipt(reply: Answer, body: Uint8Array): void {
  expect(reply).toMatchObject({ status: 200, complete: true })
  const sha256 = createHash('sha256').update(body).digest('hex')
  expect(JSON.parse(reply.body.toString())).toMatchObject({ bytes: body.length, sha256 })
}

function upload(size: string, bytes: number): Case {
  return {
    name: `an upload of ${size} arrives as it was sent`,
    async run({ path, open, books }) {
      const wire = await open()
      const body = randomBytes(bytes)
      const wanted = path('upload')
      expectReceipt(await wire.request({ method: 'POST', path: wanted, body }).reply, body)
      expect(await books.theOnlyEnding(wanted)).toMatchObject({ kind: 'completed', method: 'POST' })
      expectText(await wire.request({ path: path('hello') }).reply, 'hi')
    },
  }
}

const manyAtOnce: Case = {
  name: 'uploads at the same time are not mixed up',
  async run({ path, fetch }) {
    const bodies = Array.from({ length: 30 }, (_, index) => randomBytes(1_000 * index))
    const replies = await Promise.all(
      bodies.map((body) => fetch({ method: 'POST', path: path('upload'), body })),
    )
    for (const [index, reply] of replies.entries()) expectReceipt(reply, bodies[index]!)
  },
}

const chunked: Case = {
  name: 'a chunked upload arrives as it was sent',
  async run({ path, raw, books }) {
    const client = await raw()
    const wanted = path('upload')
    const chunks = [1, 100, 70_000, 3].map((bytes) => randomBytes(bytes))
    await client.send(
      requestHead({ method: 'POST', path: wanted, headers: { 'Transfer-Encoding': 'chunked' } }),
    )
    for (const chunk of chunks) {
      await client.send(
        Buffer.concat([Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n')]),
      )
    }
    await client.send('0\r\n\r\n')
    expectReceipt(await client.response(), Buffer.concat(chunks))
    expect(await books.theOnlyEnding(wanted)).toMatchObject({ kind: 'completed', method: 'POST' })
    await client.send(requestHead({ path: path('hello') }))
    expectText(await client.response(), 'hi')
  },
}

const expectContinue: Case = {
  name: 'an upload that waits for 100-continue is asked for, and arrives',
  async run({ path, raw, books }) {
    const client = await raw()
    const wanted = path('upload')
    const body = randomBytes(10_000)
    const headers = { 'Content-Length': String(body.length), Expect: '100-continue' }
    const response = client.response({ onInformational: () => void client.send(body) })
    await client.send(requestHead({ method: 'POST', path: wanted, headers }))
    const reply = await response
    expect(reply.informational.map(({ status }) => status)).toEqual([100])
    expectReceipt(reply, body)
    expect(await books.theOnlyEnding(wanted)).toMatchObject({ kind: 'completed', method: 'POST' })
  },
}
