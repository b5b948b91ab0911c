import { expect } from 'vitest'
import type { Area, Case } from '../case.ts'
import { expectTimeout } from '../expectations.ts'
import { type Leaving, requestHead, waysToLeave } from '../wire.ts'

const largeBytes = 10 * 1024 * 1024
const firstBytes = 64 * 1024

/** A large response, and clients that are slow, or leave in the middle of it. */
export const writing: Area = {
  name: 'writing',
  protocols: ['http/1.1', 'h2c', 'h2'],
  quiet: true,
  cases: (protocol) => [
    whole,
    slowReader,
    ...waysToLeave(protocol).map(leavesInMidBody),
    ...(protocol === 'http/1.1' ? [halfClose] : []),
  ],
}

const whole: Case = {
  name: 'a large response is whole',
  async run({ path, fetch, books }) {
    const wanted = path('large')
    const reply = await fetch({ path: wanted })
    expect(reply).toMatchObject({ status: 200, complete: true })
    expect(reply.headers.get('content-type')).toBe('application/octet-stream')
    expect(reply.body.length).toBe(largeBytes)
    expect(await books.theOnlyEnding(wanted)).toMatchObject({ kind: 'completed', status: 200 })
  },
}

const slowReader: Case = {
  name: 'a client that reads slowly reads all of it, beyond the deadline, too',
  async run({ path, open, fetch, books }) {
    const wire = await open()
    const wanted = path('large')
    const exchange = wire.request({ path: wanted })
    await exchange.holdAfter(firstBytes)
    // Another request times out meanwhile: that is how long this one waits at least.
    expectTimeout(await fetch({ path: path('long') }))
    for (let round = 0; round < 8; round++) {
      const held = exchange.holdAfter(firstBytes)
      exchange.resume()
      await held
      await fetch({ path: path('hello') })
    }
    exchange.resume()
    const reply = await exchange.reply
    expect(reply).toMatchObject({ status: 200, complete: true })
    expect(reply.body.length).toBe(largeBytes)
    expect(await books.theOnlyEnding(wanted)).toMatchObject({ kind: 'completed', status: 200 })
  },
}

function leavesInMidBody(way: Leaving): Case {
  return {
    name: `a client that leaves by ${way} in mid-body is recorded as that, and nothing else is written`,
    async run({ path, open, books }) {
      const wire = await open()
      const wanted = path('large')
      const exchange = wire.request({ path: wanted })
      await exchange.holdAfter(firstBytes)
      expect(await exchange.status).toBe(200)
      exchange.leave(way)
      const ending = await books.theOnlyEnding(wanted)
      expect(ending).toMatchObject({ kind: 'client-closed', phase: 'writing' })
      expect([200, 499]).toContain(ending.status)
      await books.quiet()
      expect(await books.endings([wanted])).toHaveLength(1)
    },
  }
}

const halfClose: Case = {
  name: 'a half-close in mid-body is followed by the rest of the body, or by nothing',
  async run({ path, raw, books }) {
    const client = await raw()
    const wanted = path('large')
    const paused = client.pauseAfter(firstBytes)
    await client.send(requestHead({ path: wanted }))
    await paused
    client.fin()
    client.resume()
    const response = await client.response()
    expect(response.status).toBe(200)
    expect((await client.rest()).length).toBe(0)
    expect(response.body.includes('HTTP/1.1')).toBe(false)
    const ending = await books.theOnlyEnding(wanted)
    expect(ending.kind).toBe(response.complete ? 'completed' : 'client-closed')
  },
}
