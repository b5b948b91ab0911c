import { expect } from 'vitest'
import type { Area, Case } from '../case.ts'
import { type Leaving, waysToLeave } from '../wire.ts'

/** Responses that go on after their head. */
export const streams: Area = {
  name: 'streams',
  protocols: ['http/1.1', 'h2c', 'h2'],
  quiet: true,
  cases: (protocol) => [...waysToLeave(protocol).map(events), stalled, manyReaders],
}

function events(way: Leaving): Case {
  return {
    name: `an event stream outlives the deadline, and its reader that leaves by ${way} is recorded once`,
    async run({ path, open, limitMs, books }) {
      const wire = await open()
      const wanted = path('events')
      const start = performance.now()
      const exchange = wire.request({ path: wanted, headers: { accept: 'text/event-stream' } })
      expect(await exchange.status).toBe(200)
      await exchange.until((bytes) => bytes > 0, 'the first event')
      await exchange.until(() => performance.now() - start > 1.5 * limitMs, 'an event beyond the deadline')
      expect(await books.endings([wanted])).toEqual([])
      exchange.leave(way)
      const ending = await books.theOnlyEnding(wanted)
      expect(ending.kind).toBe('client-closed')
      expect(['writing', 'streaming']).toContain(ending.phase)
      await books.quiet()
      expect(await books.endings([wanted])).toHaveLength(1)
    },
  }
}

const stalled: Case = {
  name: 'a stream that stalls is cut off, never ended as if it were whole',
  async run({ path, open, books }) {
    const wire = await open()
    const wanted = path('stalled')
    const reply = await wire.request({ path: wanted }).reply
    expect(reply.status).toBe(200)
    expect(reply.complete).toBe(false)
    expect(reply.body.length).toBeGreaterThan(0)
    expect(reply.body.toString()).not.toContain('HANDLER_TIMEOUT')
    const ending = await books.theOnlyEnding(wanted)
    expect(ending.kind).toBe('timed-out')
    await books.quiet()
    expect(await books.endings([wanted])).toHaveLength(1)
  },
}

const manyReaders: Case = {
  name: 'of many readers at once each is recorded once when it leaves',
  async run({ path, open, protocol, books }) {
    const ways = waysToLeave(protocol)
    const paths = Array.from({ length: 30 }, () => path('events'))
    await Promise.all(
      paths.map(async (wanted, index) => {
        const wire = await open()
        const exchange = wire.request({ path: wanted })
        expect(await exchange.status).toBe(200)
        await exchange.until((bytes) => bytes > 0, 'the first event')
        exchange.leave(ways[index % ways.length]!)
        expect(await books.theOnlyEnding(wanted)).toMatchObject({ kind: 'client-closed' })
      }),
    )
    await books.quiet()
    expect(await books.endings(paths)).toHaveLength(paths.length)
  },
}
