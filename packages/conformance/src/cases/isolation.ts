import { expect } from 'vitest'
import type { Area, Case } from '../case.ts'
import { expectNothingLeaked, expectOuterHeaders, expectText, expectTimeout } from '../expectations.ts'
import { requestHead } from '../wire.ts'

/** What an abandoned handler does reaches nobody. */
export const isolation: Area = {
  name: 'isolation',
  protocols: ['http/1.1', 'h2c', 'h2'],
  quiet: true,
  cases: (protocol) => (protocol === 'http/1.1' ? [...shared, ...http1Only] : shared),
}

const shared: readonly Case[] = [
  {
    name: 'the 503 has nothing that its handler set, and all that was set outside',
    async run({ path, fetch, books }) {
      const wanted = path('leaky')
      const reply = await fetch({ path: wanted, headers: { origin: 'http://example.test' } })
      expectTimeout(reply)
      expectOuterHeaders(reply)
      await books.late(wanted)
      expect(await books.theOnlyEnding(wanted)).toMatchObject({ kind: 'timed-out', status: 503 })
    },
  },
  {
    name: 'while an abandoned handler goes on writing, its connection serves others untouched',
    async run({ path, open, books }) {
      async function oneConnection(): Promise<void> {
        const wire = await open()
        for (let round = 0; round < 3; round++) {
          const wanted = path('leaky')
          expectTimeout(await wire.request({ path: wanted }).reply)
          let isOver = false
          while (!isOver) {
            // Asked before, so that there is one request after the last that the handler can have done.
            isOver = books.hasLate(wanted)
            const next = await wire.request({ path: path('hello') }).reply
            expectText(next, 'hi')
            expectNothingLeaked(next)
          }
          const ending = await books.theOnlyEnding(wanted)
          expect(ending).toMatchObject({ kind: 'timed-out', status: 503 })
        }
      }
      await Promise.all(Array.from({ length: 20 }, oneConnection))
      await books.quiet()
    },
  },
  {
    name: 'requests that share a connection with abandoned ones are answered with their own',
    async run({ path, open, books }) {
      const wire = await open()
      const paths = (['leaky', 'hello', 'leaky', 'short', 'hello'] as const).map((route) => path(route))
      const replies = await Promise.all(paths.map((wanted) => wire.request({ path: wanted }).reply))
      const [first, second, third, fourth, fifth] = replies
      expectTimeout(first!)
      expectText(second!, 'hi')
      expectTimeout(third!)
      expectText(fourth!)
      expectText(fifth!, 'hi')
      await Promise.all([books.late(paths[0]!), books.late(paths[2]!)])
      expectText(await wire.request({ path: path('hello') }).reply, 'hi')
      for (const wanted of paths) await books.theOnlyEnding(wanted)
    },
  },
]

const http1Only: readonly Case[] = [
  {
    name: 'nothing is written behind the 503, however long the connection stays',
    async run({ path, raw, books }) {
      const client = await raw()
      const wanted = path('leaky')
      await client.send(requestHead({ path: wanted }))
      expectTimeout(await client.response())
      await books.late(wanted)
      await books.theOnlyEnding(wanted)
      client.fin()
      expect((await client.rest()).toString()).toBe('')
    },
  },
]
