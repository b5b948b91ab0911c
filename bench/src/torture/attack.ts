import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from '../child.ts'
import { type Runtime, thisNode } from '../runtimes.ts'
import { balance, type Line } from './balance.ts'
import type { ClientArgs, ClientResult } from './client.ts'
import { type Politeness, politeClient } from './polite-client.ts'
import { leftovers, resources } from './rest.ts'
import { settled, startTarget } from './start-target.ts'
import type { Rest } from './target-process.ts'
import { targets } from './targets.ts'

/** How much of which plan there is, and what the server runs on. */
export interface StormOptions {
  readonly runtime: Runtime
  readonly seed: number
  readonly seconds: number
  readonly requests: number
  readonly connections: number
  readonly from: number
  readonly to: number | null
}

export interface AttackOptions extends StormOptions {
  readonly target: string
  /** Without a look at what the process holds: nothing that depends on the machine. */
  readonly booksOnly: boolean
}

/** What clients did and saw. */
export interface Storm {
  readonly seed: number
  readonly requests: number
  readonly connections: number
  readonly seconds: number
  readonly saw: ClientResult['saw']
  readonly manners: ClientResult['manners']
  readonly statuses: ClientResult['statuses']
  readonly polite: Politeness
}

export interface AttackResult extends Storm {
  readonly outcomes: Readonly<Record<string, number>>
  readonly lateWrites: number
  readonly before?: Rest
  readonly after?: Rest
  readonly books: readonly Line[]
}

/** Of every handler, in milliseconds. */
export const LIMIT_MS = 250
/** How many requests there are before the first look at what the process holds. */
const WARM_UP = 3_000

/** Starts a target, lets its clients misbehave, and closes the books. */
export async function attack(options: AttackOptions): Promise<AttackResult> {
  const { target, runtime, requests, from, to, booksOnly } = options
  const { traits, module, protocol } = targets[target]!
  const { log, seenLog, remove } = logs()
  const server = await startTarget(runtime, { module, limitMs: LIMIT_MS, log })
  try {
    const clients: ClientResult[] = []
    let before: Rest | undefined
    if (!booksOnly) {
      const warmUp = {
        prefix: 'w',
        requests: Math.min(WARM_UP, requests),
        // Other visits than those to come.
        from: from + 1e8,
        to: to === null ? null : to + 1e8,
      }
      clients.push(await send(options, { port: server.port, log: seenLog, ...warmUp }))
      await settled(server)
      before = await server.ask<Rest>('rest')
    }

    const polite = politeClient(server.port, protocol)
    const storm = await send(options, { prefix: 's', port: server.port, log: seenLog })
    clients.push(storm)
    const politeness = await polite.stop()
    const state = await settled(server)
    const after = before && (await server.ask<Rest>('rest'))

    const books = balance(
      readFileSync(log, 'utf8'),
      readFileSync(seenLog, 'utf8'),
      state,
      clients,
      traits,
    ).concat(leftovers(state, politeness, server.said()), before && after ? resources(before, after) : [])
    return {
      ...stormOf(storm, politeness, options),
      outcomes: state.outcomes,
      lateWrites: state.lateWrites,
      ...(before && after && { before, after }),
      books,
    }
  } finally {
    await server.stop()
    remove()
  }
}

/** The clients, in a process of their own. */
export function send(
  { target, seed, connections, seconds, requests, from, to }: AttackOptions,
  args: Pick<ClientArgs, 'port' | 'prefix' | 'log'> & Partial<ClientArgs>,
): Promise<ClientResult> {
  const all = { target, seed, connections, seconds, requests, from, to, limitMs: LIMIT_MS, ...args }
  return run<ClientResult>(thisNode, 'torture/client.js', all satisfies ClientArgs)
}

export function stormOf(storm: ClientResult, polite: Politeness, { seed }: AttackOptions): Storm {
  const { requests, visits: connections, seconds, saw, manners, statuses } = storm
  return { seed, requests, connections, seconds, saw, manners, statuses, polite }
}

/** Where a target, and its clients, write what happens. */
export function logs(): { readonly log: string; readonly seenLog: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'curfew-torture-'))
  return {
    log: join(folder, 'access.log'),
    seenLog: join(folder, 'clients.log'),
    remove: () => rmSync(folder, { recursive: true }),
  }
}
