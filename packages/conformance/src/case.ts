import { randomUUID } from 'node:crypto'
import { type Books, books } from './books.ts'
import type { Protocol, RouteName, Target } from './fixture.ts'
import type { RawClient } from './raw-client.ts'
import { openRaw, openWire, type Reply, type Wire, type WireRequest } from './wire.ts'

/** One behaviour, named after it. */
export type Case = {
  readonly name: string
  readonly run: (world: World) => Promise<void>
  /** For one that takes long. */
  readonly timeoutMs?: number
}

/** Cases that share a server. */
export type Area = {
  readonly name: string
  readonly protocols: readonly Protocol[]
  /** No case of the area makes a handler fail, so there must be no stack on stderr when it is over. */
  readonly quiet?: true
  readonly cases: (protocol: Protocol) => readonly Case[]
}

/** What a case has at hand. */
export type World = {
  readonly target: Target
  readonly protocol: Protocol
  readonly limitMs: number
  readonly books: Books
  /** A path of this route that no other request has, so that its records are its own. */
  path(route: RouteName): string
  /** The name by which the greeter behind `long` knows this path. */
  nameIn(path: string): string
  /** A connection that is closed when the case is over. */
  open(): Promise<Wire>
  /** The same for a raw HTTP/1.1 client. */
  raw(): Promise<RawClient>
  /** A request on a connection of its own, and its reply. */
  fetch(request: WireRequest): Promise<Reply>
  /** Closes what the case has opened. */
  close(): void
}

export function openWorld(target: Target, protocol: Protocol, limitMs: number): World {
  const opened = new Set<() => void>()

  function path(route: RouteName): string {
    const base = target.routes[route]
    if (base === undefined) throw new Error(`route not offered: ${route}`)
    const id = randomUUID()
    return `${base}?id=${id}&name=${id}`
  }

  async function open(): Promise<Wire> {
    const wire = await openWire(target.url, protocol)
    opened.add(wire.destroy)
    return wire
  }

  async function fetch(request: WireRequest): Promise<Reply> {
    const wire = await open()
    try {
      return await wire.request(request).reply
    } finally {
      wire.close()
    }
  }

  return {
    target,
    protocol,
    limitMs,
    books: books(
      target,
      (wanted) => fetch({ path: wanted }),
      () => path('hello'),
      () => path('stats'),
    ),
    path,
    nameIn: (wanted) => new URLSearchParams(wanted.slice(wanted.indexOf('?'))).get('name')!,
    open,
    async raw() {
      const client = await openRaw(target.url)
      opened.add(client.destroy)
      return client
    },
    fetch,
    close() {
      for (const close of opened) close()
      opened.clear()
    },
  }
}
