import { expect } from 'vitest'
import type { Area } from '../case.ts'
import { expectText, expectTimeout } from '../expectations.ts'

/** HTTP/2 connections that carry many streams. */
export const http2: Area = {
  name: 'HTTP/2 connections',
  protocols: ['h2c', 'h2'],
  quiet: true,
  cases: () => [
    {
      name: 'a stream that is reset while its handler is pending leaves the connection to the others',
      async run({ path, nameIn, open, books }) {
        const wire = await open()
        const neighbour = path('short')
        const undisturbed = wire.request({ path: neighbour })
        const pending = path('long')
        const abandoned = wire.request({ path: pending })
        await books.greeter(nameIn(pending), 'started')
        abandoned.leave('RST_STREAM')
        expect(await books.theOnlyEnding(pending)).toMatchObject({ kind: 'client-closed', phase: 'handling' })
        expectText(await undisturbed.reply)
        expectText(await wire.request({ path: path('hello') }).reply, 'hi')
        expect(wire.reusable()).toBe(true)
        expect(await books.theOnlyEnding(neighbour)).toMatchObject({ kind: 'completed' })
        await books.quiet()
      },
    },
    {
      name: 'a stream that is reset in mid-body leaves the connection to the others',
      async run({ path, open, books }) {
        const wire = await open()
        const neighbour = path('short')
        const undisturbed = wire.request({ path: neighbour })
        const half = path('large')
        const body = wire.request({ path: half })
        await body.holdAfter(16 * 1024)
        body.leave('RST_STREAM')
        expect(await books.theOnlyEnding(half)).toMatchObject({ kind: 'client-closed', phase: 'writing' })
        expectText(await undisturbed.reply)
        expectText(await wire.request({ path: path('hello') }).reply, 'hi')
        expect(wire.reusable()).toBe(true)
        await books.quiet()
      },
    },
    {
      name: 'a timeout leaves the connection to the others',
      async run({ path, open, books }) {
        const wire = await open()
        const late = path('long')
        const [reply, neighbour] = await Promise.all([
          wire.request({ path: late }).reply,
          wire.request({ path: path('short') }).reply,
        ])
        expectTimeout(reply)
        expectText(neighbour)
        expectText(await wire.request({ path: path('hello') }).reply, 'hi')
        expect(wire.reusable()).toBe(true)
        expect(await books.theOnlyEnding(late)).toMatchObject({ kind: 'timed-out' })
      },
    },
    {
      name: 'of many streams on one connection each has its own ending',
      async run({ path, nameIn, open, books }) {
        const wire = await open()
        const kinds = await Promise.all(
          Array.from({ length: 80 }, async (_, index) => {
            const route = (['hello', 'leaky', 'short', 'long'] as const)[index % 4]!
            const wanted = path(route)
            const exchange = wire.request({ path: wanted })
            if (route === 'long') {
              await books.greeter(nameIn(wanted), 'started')
              exchange.leave('RST_STREAM')
            } else if (route === 'leaky') {
              expectTimeout(await exchange.reply)
              await books.late(wanted)
            } else expectText(await exchange.reply)
            return (await books.theOnlyEnding(wanted)).kind
          }),
        )
        for (const [index, kind] of kinds.entries()) {
          expect(kind).toBe(['completed', 'timed-out', 'completed', 'client-closed'][index % 4])
        }
        expect(wire.reusable()).toBe(true)
        await books.quiet()
      },
    },
  ],
}
