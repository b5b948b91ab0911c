import { createHash, randomBytes } from 'node:crypto'
import { expect } from 'vitest'
import type { Area, Case } from '../case.ts'
import { type Answer, expectProblem, expectText } from '../expectations.ts'
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
    tooSlow,
    manyTooSlow,
    ...(protocol === 'http/1.1' ? [tooSlowOnItsOwn, chunked, expectContinue] : [tooSlowBesideOthers]),
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

/** Half a body, and then nothing more. */
const half = { method: 'POST', body: 'half', announced: 8 } as const

const tooSlow: Case = {
  name: 'a client that is too slow with its body is answered 408',
  async run({ path, nameIn, open, books }) {
    const wanted = path('long')
    const wire = await open()
    const reply = await wire.request({ ...half, path: wanted }).reply
    expectProblem(reply, 408, 'REQUEST_TIMEOUT')
    const ending = await books.theOnlyEnding(wanted)
    expect(ending).toMatchObject({ kind: 'timed-out', phase: 'receiving', status: 408, method: 'POST' })
    await books.quiet()
    expect(books.hasGreeter(nameIn(wanted), 'started')).toBe(false)
  },
}

const tooSlowOnItsOwn: Case = {
  name: 'the connection of a client that is too slow with its body ends with the 408',
  async run({ path, raw }) {
    const client = await raw()
    await client.send(requestHead({ ...half, path: path('long') }) + half.body)
    const { status, headers } = await client.response()
    expect(status).toBe(408)
    expect(headers.get('connection')).toMatch(/^close\b/i)
    expect((await client.rest()).toString()).toBe('')
  },
}

const tooSlowBesideOthers: Case = {
  name: 'a client that is too slow with one body goes on with its other streams',
  async run({ path, open }) {
    const wire = await open()
    const slow = wire.request({ ...half, path: path('long') })
    expectText(await wire.request({ path: path('short') }).reply)
    expect((await slow.reply).status).toBe(408)
    expectText(await wire.request({ path: path('hello') }).reply, 'hi')
    expect(wire.reusable()).toBe(true)
  },
}

const manyTooSlow: Case = {
  name: 'who is in time is served beside a hundred who are too slow with their bodies',
  async run({ path, open, fetch, books }) {
    const slow = Array.from({ length: 100 }, async () => {
      const wire = await open()
      const wanted = path('long')
      const { status } = await wire.request({ ...half, path: wanted }).reply
      return [status, (await books.theOnlyEnding(wanted)).phase]
    })
    for (let i = 0; i < 10; i++) {
      const body = randomBytes(10_000)
      expectReceipt(await fetch({ method: 'POST', path: path('upload'), body }), body)
    }
    expect(await Promise.all(slow)).toEqual(slow.map(() => [408, 'receiving']))
    await books.quiet()
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
