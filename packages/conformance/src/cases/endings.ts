import { expect } from 'vitest'
import type { Area, Case } from '../case.ts'
import { expectOuterHeaders, expectText, expectTimeout } from '../expectations.ts'
import { openRaw, requestHead } from '../wire.ts'

/** How a request ends when its client stays: in time, or at the deadline. */
export const endings: Area = {
  name: 'endings',
  protocols: ['http/1.1', 'h2c', 'h2'],
  quiet: true,
  cases: (protocol) => (protocol === 'http/1.1' ? [...shared, ...http1Only] : shared),
}

const shared: readonly Case[] = [
  {
    name: 'a handler that answers at once is answered for: 200',
    async run({ path, fetch, books }) {
      const wanted = path('hello')
      expectText(await fetch({ path: wanted }), 'hi')
      const ending = await books.theOnlyEnding(wanted)
      expect(ending).toMatchObject({ kind: 'completed', status: 200, method: 'GET' })
    },
  },
  {
    name: 'a handler that answers before its deadline is answered for: 200',
    async run({ path, fetch, books }) {
      const wanted = path('short')
      expectText(await fetch({ path: wanted }))
      const ending = await books.theOnlyEnding(wanted)
      expect(ending).toMatchObject({ kind: 'completed', status: 200, method: 'GET' })
    },
  },
  {
    name: 'a handler that does not is cut short: 503 at the deadline, and its upstream call is cancelled',
    async run({ path, nameIn, fetch, books, limitMs }) {
      const wanted = path('long')
      const start = performance.now()
      const reply = await fetch({ path: wanted })
      const elapsedMs = performance.now() - start
      expectTimeout(reply)
      expect(elapsedMs).toBeLessThan(2.5 * limitMs)
      await books.greeter(nameIn(wanted), 'cancelled')
      const ending = await books.theOnlyEnding(wanted)
      expect(ending).toMatchObject({ kind: 'timed-out', status: 503, phase: 'handling', method: 'GET' })
      expect(ending.elapsedMs).toBeGreaterThan(0.9 * limitMs)
      expect(books.hasGreeter(nameIn(wanted), 'finished')).toBe(false)
    },
  },
  {
    name: 'a POST whose body was read is cut short, too',
    async run({ path, nameIn, fetch, books }) {
      const wanted = path('long')
      expectTimeout(await fetch({ method: 'POST', path: wanted, body: 'a small body' }))
      await books.greeter(nameIn(wanted), 'cancelled')
      const ending = await books.theOnlyEnding(wanted)
      expect(ending).toMatchObject({ kind: 'timed-out', status: 503, method: 'POST' })
    },
  },
  {
    name: 'the 503 to a HEAD has no body',
    async run({ path, fetch, books }) {
      const wanted = path('long')
      const reply = await fetch({ method: 'HEAD', path: wanted })
      expect(reply.status).toBe(503)
      expect(reply.headers.get('content-type')).toMatch(/^application\/problem\+json\b/)
      expect(reply.body.length).toBe(0)
      expect(reply.complete).toBe(true)
      const ending = await books.theOnlyEnding(wanted)
      expect(ending).toMatchObject({ kind: 'timed-out', status: 503, method: 'HEAD' })
    },
  },
  {
    name: 'a handler that takes exactly its limit gets one ending, the one that its client reads',
    async run({ path, fetch, books }) {
      const paths = Array.from({ length: 20 }, () => path('boundary'))
      const replies = await Promise.all(paths.map((wanted) => fetch({ path: wanted })))
      for (const [index, reply] of replies.entries()) {
        if (reply.status === 503) expectTimeout(reply)
        else expectText(reply)
        const ending = await books.theOnlyEnding(paths[index]!)
        expect(ending.kind).toBe(reply.status === 503 ? 'timed-out' : 'completed')
        expect(ending.status).toBe(reply.status)
      }
    },
  },
  {
    name: 'a 204 stays as it is',
    async run({ path, fetch, books }) {
      const wanted = path('nocontent')
      const reply = await fetch({ path: wanted })
      expect(reply.status).toBe(204)
      expect(reply.body.length).toBe(0)
      expect(reply.complete).toBe(true)
      expect(reply.headers.has('transfer-encoding')).toBe(false)
      expect(await books.theOnlyEnding(wanted)).toMatchObject({ kind: 'completed', status: 204 })
    },
  },
  {
    name: 'a 302 keeps its location',
    async run({ path, fetch, books }) {
      const wanted = path('redirect')
      const reply = await fetch({ path: wanted })
      expect(reply.status).toBe(302)
      expect(reply.headers.get('location')).toBeTruthy()
      expect(reply.complete).toBe(true)
      expect(await books.theOnlyEnding(wanted)).toMatchObject({ kind: 'completed', status: 302 })
    },
  },
  {
    name: 'a path that nobody serves stays a 404',
    async run({ path, fetch }) {
      const reply = await fetch({ path: `/nobody-serves-this${path('hello')}` })
      expect(reply.status).toBe(404)
      expect(reply.complete).toBe(true)
    },
  },
  {
    name: 'an early hint before a 404 leaves it a 404',
    async run({ path, fetch, books }) {
      const wanted = path('early')
      const reply = await fetch({ path: wanted })
      expect(reply.status).toBe(404)
      expect(reply.complete).toBe(true)
      expect(new Set([103, ...reply.informational])).toEqual(new Set([103]))
      expect(await books.theOnlyEnding(wanted)).toMatchObject({ kind: 'completed', status: 404 })
    },
  },
  {
    name: 'a preflight keeps its CORS headers',
    async run({ path, fetch }) {
      const headers = { origin: 'http://example.test', 'access-control-request-method': 'GET' }
      const reply = await fetch({ method: 'OPTIONS', path: path('hello'), headers })
      expect(reply.status).toBe(204)
      expect(reply.body.length).toBe(0)
      expect(reply.headers.get('access-control-allow-origin')).toBe('*')
    },
  },
  {
    name: 'what was set outside the guard is on the 200 and on the 503',
    async run({ path, fetch }) {
      const headers = { origin: 'http://example.test' }
      const [inTime, tooLate] = await Promise.all([
        fetch({ path: path('hello'), headers }),
        fetch({ path: path('long'), headers }),
      ])
      expectOuterHeaders(inTime)
      expectOuterHeaders(tooLate)
      expect(tooLate.status).toBe(503)
      expect(tooLate.headers.get('x-request-id')).not.toBe(inTime.headers.get('x-request-id'))
    },
  },
  {
    name: 'each of many requests at once has its own deadline',
    async run({ path, fetch, books }) {
      const paths = Array.from({ length: 50 }, (_, index) => path(index % 2 === 0 ? 'long' : 'short'))
      const replies = await Promise.all(paths.map((wanted) => fetch({ path: wanted })))
      for (const [index, reply] of replies.entries()) {
        if (index % 2 === 0) expectTimeout(reply)
        else expectText(reply)
      }
      for (const [index, wanted] of paths.entries()) {
        const ending = await books.theOnlyEnding(wanted)
        expect(ending.kind).toBe(index % 2 === 0 ? 'timed-out' : 'completed')
      }
      await books.quiet()
    },
  },
]

const http1Only: readonly Case[] = [
  {
    name: 'the 503 has one content-length, no transfer-encoding, and nothing behind it',
    async run({ path, raw }) {
      const client = await raw()
      await client.send(requestHead({ path: path('long') }))
      const response = await client.response()
      expectTimeout(response)
      const names = response.rawHeaders.map(([name]) => name.toLowerCase())
      expect(names.filter((name) => name === 'content-length')).toHaveLength(1)
      expect(names.filter((name) => name === 'content-type')).toHaveLength(1)
      expect(names).not.toContain('transfer-encoding')
      client.fin()
      expect((await client.rest()).toString()).toBe('')
    },
  },
  {
    name: 'the 503 to a HEAD leaves the connection in order',
    async run({ path, raw }) {
      const client = await raw()
      await client.send(requestHead({ method: 'HEAD', path: path('long') }))
      expect(await client.response({ method: 'HEAD' })).toMatchObject({ status: 503 })
      await client.send(requestHead({ path: path('hello') }))
      expectText(await client.response(), 'hi')
      client.fin()
      expect((await client.rest()).toString()).toBe('')
    },
  },
  {
    name: 'a request that asks for an upgrade to h2c still has its deadline',
    async run({ target, path, nameIn, books }) {
      const client = await openRaw(target.url)
      const wanted = path('long')
      const headers = {
        Connection: 'Upgrade, HTTP2-Settings',
        Upgrade: 'h2c',
        'HTTP2-Settings': 'AAMAAABkAAQAoAAAAAIAAAAA',
      }
      await client.send(requestHead({ path: wanted, headers }))
      expectTimeout(await client.response())
      client.destroy()
      await books.greeter(nameIn(wanted), 'cancelled')
      expect(await books.theOnlyEnding(wanted)).toMatchObject({ kind: 'timed-out', status: 503 })
    },
  },
]
