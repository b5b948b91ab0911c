import { expect } from 'vitest'
import type { Area } from '../case.ts'
import { expectFailure, expectText, expectTimeout } from '../expectations.ts'

/** A handler that throws: before its deadline, after it, and in the middle of its page. */
export const failures: Area = {
  name: 'failures',
  protocols: ['http/1.1', 'h2c', 'h2'],
  cases: () => [
    {
      name: 'a handler that throws is answered for: 500, without its message',
      async run({ path, open, books }) {
        const wire = await open()
        const wanted = path('panic')
        expectFailure(await wire.request({ path: wanted }).reply)
        expect(await books.theOnlyEnding(wanted)).toMatchObject({ kind: 'failed', status: 500 })
        expectText(await wire.request({ path: path('hello') }).reply, 'hi')
      },
    },
    {
      name: 'a handler that throws after its deadline has been answered for: one 503, and a late failure',
      async run({ path, open, books }) {
        const wire = await open()
        const wanted = path('panicLate')
        expectTimeout(await wire.request({ path: wanted }).reply)
        expect(await books.late(wanted)).toMatchObject({ settlement: 'failed' })
        expectText(await wire.request({ path: path('hello') }).reply, 'hi')
        expect(await books.theOnlyEnding(wanted)).toMatchObject({ kind: 'timed-out', status: 503 })
      },
    },
    {
      name: 'a page that fails half-way under `buffer: true` is a whole 500, with none of the page',
      async run({ path, open, books }) {
        const wire = await open()
        const wanted = path('template')
        const reply = await wire.request({ path: wanted }).reply
        expectFailure(reply)
        expect(reply.headers.get('content-length')).toBe(String(reply.body.length))
        expect(reply.headers.get('content-type')).not.toContain('html')
        expect(reply.body.toString()).not.toContain('<')
        expect(await books.theOnlyEnding(wanted)).toMatchObject({ kind: 'failed', status: 500 })
        expectText(await wire.request({ path: path('hello') }).reply, 'hi')
      },
    },
    {
      name: 'many that throw at once harm nobody else',
      async run({ path, fetch, books }) {
        const paths = Array.from({ length: 60 }, (_, index) =>
          path((['panic', 'panicLate', 'short'] as const)[index % 3]!),
        )
        const replies = await Promise.all(paths.map((wanted) => fetch({ path: wanted })))
        for (const [index, reply] of replies.entries()) {
          if (index % 3 === 0) expectFailure(reply)
          else if (index % 3 === 1) expectTimeout(reply)
          else expectText(reply)
        }
        for (const [index, wanted] of paths.entries()) {
          if (index % 3 === 1) await books.late(wanted)
          const ending = await books.theOnlyEnding(wanted)
          expect(ending.kind).toBe(['failed', 'timed-out', 'completed'][index % 3])
        }
        await books.quiet()
      },
    },
  ],
}
