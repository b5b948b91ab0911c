import { expect } from 'vitest'
import type { Area, Case, World } from '../case.ts'
import { expectText, expectTimeout } from '../expectations.ts'
import type { Protocol } from '../fixture.ts'
import { type Leaving, requestHead, waysToLeave } from '../wire.ts'

/** A client that leaves while its handler is pending, or before there is one. */
export const disconnects: Area = {
  name: 'disconnects',
  protocols: ['http/1.1', 'h2c', 'h2'],
  quiet: true,
  cases: (protocol) => [
    ...waysToLeave(protocol).flatMap((way) => whilePending(way, protocol)),
    manyAtOnce,
    ...(protocol === 'http/1.1'
      ? [...(['FIN', 'RST'] as const).flatMap(withAnUnfinishedRequest), halfClose, halfCloseOfAnUpload]
      : []),
  ],
}

function whilePending(way: Leaving, protocol: Protocol): Case[] {
  async function leaves(world: World, method: string, body?: string, before = 0): Promise<void> {
    const { open, path, nameIn, books } = world
    const wire = await open()
    for (let index = 0; index < before; index++) {
      expectText(await wire.request({ path: path('hello') }).reply, 'hi')
    }
    const wanted = path('long')
    const exchange = wire.request({ method, path: wanted, ...(body === undefined ? {} : { body }) })
    await books.greeter(nameIn(wanted), 'started')
    exchange.leave(way)
    await books.greeter(nameIn(wanted), 'cancelled')
    const ending = await books.theOnlyEnding(wanted)
    expect(ending).toMatchObject({ kind: 'client-closed', phase: 'handling', method })
    await books.quiet()
    expect(books.hasGreeter(nameIn(wanted), 'finished')).toBe(false)
    expect(await books.endings([wanted])).toHaveLength(1)
  }
  const cases: Case[] = [
    {
      name: `a client that leaves by ${way} is recorded as that, and its upstream call is cancelled`,
      run: (world) => leaves(world, 'GET'),
    },
    {
      name: `the same by ${way} after a POST whose body was read`,
      run: (world) => leaves(world, 'POST', 'a small body'),
    },
  ]
  if (protocol === 'http/1.1') {
    cases.push({
      name: `the same by ${way} in the third request of a connection`,
      run: (world) => leaves(world, 'GET', undefined, 2),
    })
    cases.push({
      name: `the same by ${way} after a POST whose body came after its head`,
      async run({ raw, path, nameIn, books }) {
        const client = await raw()
        const wanted = path('long')
        const headers = { 'Content-Length': '5', Expect: '100-continue' }
        const send = (): void => void client.send('hello')
        client.response({ onInformational: send }).catch(() => {})
        await client.send(requestHead({ method: 'POST', path: wanted, headers }))
        await books.greeter(nameIn(wanted), 'started')
        leave(client, way as 'FIN' | 'RST')
        await books.greeter(nameIn(wanted), 'cancelled')
        const ending = await books.theOnlyEnding(wanted)
        expect(ending).toMatchObject({ kind: 'client-closed', phase: 'handling', method: 'POST' })
      },
    })
  }
  return cases
}

const manyAtOnce: Case = {
  name: 'clients that leave are told apart from clients that stay',
  async run({ protocol, open, path, nameIn, books }) {
    const ways = waysToLeave(protocol)
    async function leave(index: number): Promise<void> {
      const wire = await open()
      const wanted = path('long')
      const exchange = wire.request({ path: wanted })
      await books.greeter(nameIn(wanted), 'started')
      exchange.leave(ways[index % ways.length]!)
      expect(await books.theOnlyEnding(wanted)).toMatchObject({ kind: 'client-closed', phase: 'handling' })
    }
    async function stay(): Promise<void> {
      const wire = await open()
      const wanted = path('long')
      expectTimeout(await wire.request({ path: wanted }).reply)
      expect(await books.theOnlyEnding(wanted)).toMatchObject({ kind: 'timed-out' })
    }
    await Promise.all(Array.from({ length: 40 }, (_, index) => (index % 2 === 0 ? leave(index) : stay())))
    await books.quiet()
  },
}

function withAnUnfinishedRequest(way: 'FIN' | 'RST'): Case[] {
  return [
    {
      name: `a client that leaves by ${way} in mid-upload is recorded as that`,
      async run({ raw, path, books }) {
        const client = await raw()
        const wanted = path('upload')
        const headers = { 'Content-Length': '100000', Expect: '100-continue' }
        const continued = new Promise<void>((resolve, reject) => {
          client
            .response({ onInformational: () => resolve() })
            .then(() => reject(new Error('answered')), reject)
        })
        continued.catch(() => {})
        await client.send(requestHead({ method: 'POST', path: wanted, headers }))
        // Who has been asked for the body has reached a handler.
        await continued
        await client.send(Buffer.alloc(50_000))
        leave(client, way)
        const ending = await books.theOnlyEnding(wanted)
        expect(ending).toMatchObject({ kind: 'client-closed', phase: 'handling', method: 'POST' })
        await books.quiet()
      },
    },
    {
      name: `half a head and a ${way} are no request, or at least no failed one`,
      async run({ raw, path, books }) {
        const client = await raw()
        const wanted = path('hello')
        await client.send(`GET ${wanted} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Half`)
        leave(client, way)
        await client.closed
        await books.quiet()
        expect(await books.endings([wanted])).toEqual([])
      },
    },
    {
      name: `half a body and a ${way} at once make no failed request`,
      async run({ raw, path, books }) {
        const paths = Array.from({ length: 20 }, () => path('upload'))
        for (const wanted of paths) {
          const client = await raw()
          const head = requestHead({ method: 'POST', path: wanted, headers: { 'Content-Length': '1000' } })
          await client.send(head + 'x'.repeat(500))
          leave(client, way)
          await client.closed
        }
        await books.quiet()
        const endings = await books.endings(paths)
        expect(new Set(endings.map(({ path: each }) => each)).size).toBe(endings.length)
        expect(endings.filter(({ kind }) => kind !== 'client-closed')).toEqual([])
      },
    },
  ]
}

function leave(client: { destroy(): void; reset(): void }, way: 'FIN' | 'RST'): void {
  if (way === 'RST') client.reset()
  else client.destroy()
}

// Some runtimes take a half-close for the end of the client, others deliver the response. Both are one ending.
const halfClose: Case = {
  name: 'a half-close while the handler is pending gets exactly one ending',
  async run({ raw, path, nameIn, books }) {
    const client = await raw()
    const wanted = path('long')
    await client.send(requestHead({ path: wanted }))
    await books.greeter(nameIn(wanted), 'started')
    client.fin()
    const ending = await books.theOnlyEnding(wanted)
    expect(['client-closed', 'timed-out']).toContain(ending.kind)
    if (ending.kind === 'timed-out') expectTimeout(await client.response())
    expect((await client.rest()).toString()).toBe('')
    await books.quiet()
    expect(await books.endings([wanted])).toHaveLength(1)
  },
}

const halfCloseOfAnUpload: Case = {
  name: 'a half-close in mid-upload gets at most one ending, and no success',
  async run({ raw, path, books }) {
    const client = await raw()
    const wanted = path('upload')
    const head = requestHead({ method: 'POST', path: wanted, headers: { 'Content-Length': '1000' } })
    await client.send(head + 'x'.repeat(500))
    client.fin()
    await client.closed
    const received = (await client.rest()).toString()
    expect(received).not.toMatch(/^HTTP\/1\.1 2/)
    await books.quiet()
    const endings = await books.endings([wanted])
    expect(endings.length).toBeLessThanOrEqual(1)
    expect(endings.filter(({ kind }) => kind === 'completed')).toEqual([])
  },
}
