import { expect } from 'vitest'
import type { Area, World } from '../case.ts'
import { expectText, expectTimeout } from '../expectations.ts'
import { waysToLeave } from '../wire.ts'

const clients = 1_000
const atOnce = 100

/** A thousand clients, and books that balance in the end. */
export const balance: Area = {
  name: 'balance',
  protocols: ['http/1.1', 'h2c', 'h2'],
  quiet: true,
  cases: () => [
    {
      name: 'a thousand clients that stay, wait in vain or leave: one ending each, and nothing is left over',
      timeoutMs: 120_000,
      async run(world) {
        const { books } = world
        const served: Visit[] = []
        let next = 0
        async function visitInTurn(): Promise<void> {
          while (next < clients) served.push(await visits[next++ % visits.length]!(world, next))
        }
        await Promise.all(Array.from({ length: atOnce }, visitInTurn))
        await books.quiet()

        const endings = await books.endings(served.map(({ path }) => path))
        const kindsOf = new Map<string, string[]>(served.map(({ path }) => [path, []]))
        for (const { path, kind } of endings) kindsOf.get(path)!.push(kind)
        const wrong = served.filter(({ path, mayEndAs }) => !mayEndAs.includes(kindsOf.get(path)!.join()))
        expect(wrong.map((visit) => ({ ...visit, endedAs: kindsOf.get(visit.path) }))).toEqual([])
        expect(served).toHaveLength(clients)
      },
    },
  ],
}

/** A request, and the endings that it may have; '' is none: it never reached a handler. */
type Visit = { readonly path: string; readonly mayEndAs: readonly string[] }

const visits: readonly ((world: World, index: number) => Promise<Visit>)[] = [
  async ({ path, fetch }) => {
    const wanted = path('hello')
    expectText(await fetch({ path: wanted }), 'hi')
    return { path: wanted, mayEndAs: ['completed'] }
  },
  async ({ path, fetch }) => {
    const wanted = path('leaky')
    expectTimeout(await fetch({ path: wanted }))
    return { path: wanted, mayEndAs: ['timed-out'] }
  },
  async ({ path, nameIn, open, protocol, books, limitMs }, index) => {
    const wanted = path('long')
    const wire = await open()
    const sentAt = performance.now()
    const exchange = wire.request({ path: wanted })
    await books.greeter(nameIn(wanted), 'started')
    // On a busy machine this may be too late to be the first.
    const early = performance.now() - sentAt < limitMs / 4
    exchange.leave(pick(waysToLeave(protocol), index))
    await books.greeter(nameIn(wanted), 'cancelled')
    wire.destroy()
    return { path: wanted, mayEndAs: early ? ['client-closed'] : ['client-closed', 'timed-out'] }
  },
  async ({ path, open, protocol }, index) => {
    const wanted = path(pick(['hello', 'leaky', 'long'], index))
    const wire = await open()
    const exchange = wire.request({ path: wanted })
    // Once the request is on its way, but long before anybody can say how far it got.
    await new Promise((resolve) => setImmediate(resolve))
    exchange.leave(pick(waysToLeave(protocol), index))
    wire.destroy()
    const quickly = wanted.startsWith(path('hello').split('?')[0]!) ? ['completed'] : []
    return { path: wanted, mayEndAs: ['', 'client-closed', 'timed-out', ...quickly] }
  },
]

/** Goes by rounds, because the visits themselves go by the index. */
function pick<T>(choices: readonly T[], index: number): T {
  return choices[Math.floor(index / visits.length) % choices.length]!
}
