import { expect } from 'vitest'
import type { Area } from '../case.ts'
import { expectText, expectTimeout } from '../expectations.ts'
import { requestHead } from '../wire.ts'

/** HTTP/1.1 connections that carry more than one request. */
export const connections: Area = {
  name: 'connections',
  protocols: ['http/1.1'],
  quiet: true,
  cases: () => [
    {
      name: 'one connection carries many requests, each with its own answer and ending',
      async run({ path, open, books }) {
        const wire = await open()
        const paths = Array.from({ length: 300 }, () => path('hello'))
        for (const wanted of paths) expectText(await wire.request({ path: wanted }).reply, 'hi')
        const endings = await books.endings(paths)
        expect(endings.map((ending) => ending.path)).toEqual(paths)
        expect(new Set(endings.map((ending) => ending.kind))).toEqual(new Set(['completed']))
      },
    },
    {
      name: 'a connection outlives the timeouts of its requests',
      async run({ path, open, books }) {
        const wire = await open()
        for (let round = 0; round < 3; round++) {
          const wanted = path('long')
          expectTimeout(await wire.request({ path: wanted }).reply)
          expectText(await wire.request({ path: path('hello') }).reply, 'hi')
          expect(await books.theOnlyEnding(wanted)).toMatchObject({ kind: 'timed-out' })
        }
      },
    },
    {
      name: 'pipelined requests are answered in their order',
      async run({ path, raw, books }) {
        const client = await raw()
        const paths = (['hello', 'short', 'hello', 'nocontent', 'hello'] as const).map((route) => path(route))
        await client.send(paths.map((wanted) => requestHead({ path: wanted })).join(''))
        expectText(await client.response(), 'hi')
        expectText(await client.response())
        expectText(await client.response(), 'hi')
        expect(await client.response()).toMatchObject({ status: 204, complete: true })
        expectText(await client.response(), 'hi')
        for (const wanted of paths)
          expect(await books.theOnlyEnding(wanted)).toMatchObject({ kind: 'completed' })
        client.fin()
        expect((await client.rest()).toString()).toBe('')
      },
    },
    {
      name: 'a timeout in a pipeline is the answer of its own request alone',
      async run({ path, raw, books }) {
        const client = await raw()
        const paths = (['leaky', 'hello', 'long', 'hello'] as const).map((route) => path(route))
        await client.send(paths.map((wanted) => requestHead({ path: wanted })).join(''))
        expectTimeout(await client.response())
        expectText(await client.response(), 'hi')
        expectTimeout(await client.response())
        expectText(await client.response(), 'hi')
        await books.late(paths[0]!)
        await client.send(requestHead({ path: path('hello') }))
        expectText(await client.response(), 'hi')
        const endings = await Promise.all(paths.map((wanted) => books.theOnlyEnding(wanted)))
        expect(endings.map(({ kind }) => kind)).toEqual(['timed-out', 'completed', 'timed-out', 'completed'])
        client.fin()
        expect((await client.rest()).toString()).toBe('')
      },
    },
    ...(['FIN', 'RST'] as const).map(
      (way) =>
        ({
          name: `a client that leaves its pipeline by ${way} has left all of it`,
          async run({ path, nameIn, raw, books }) {
            const client = await raw()
            const first = path('long')
            const others = (['hello', 'long', 'short'] as const).map((route) => path(route))
            await client.send([first, ...others].map((wanted) => requestHead({ path: wanted })).join(''))
            // A runtime that takes no pipelines may have ended the connection before the handler got that far.
            await Promise.any([books.greeter(nameIn(first), 'started'), books.theOnlyEnding(first)])
            if (way === 'RST') client.reset()
            else client.destroy()
            expect(await books.theOnlyEnding(first)).toMatchObject({
              kind: 'client-closed',
              phase: 'handling',
            })
            await books.quiet()
            if (books.hasGreeter(nameIn(first), 'started')) await books.greeter(nameIn(first), 'cancelled')
            // A runtime may start those behind the first at once, or never.
            const endings = await books.endings(others)
            expect(new Set(endings.map((ending) => ending.path)).size).toBe(endings.length)
            expect(endings.filter(({ kind }) => kind !== 'client-closed' && kind !== 'completed')).toEqual([])
          },
        }) satisfies ReturnType<Area['cases']>[number],
    ),
  ],
}
