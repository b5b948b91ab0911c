import { setTimeout as sleep } from 'node:timers/promises'
import { run } from '../../child.ts'
import { thisNode } from '../../runtimes.ts'
import { LIMIT_MS, logs, type StormOptions } from '../attack.ts'
import type { State } from '../kit.ts'
import { type Politeness, politeClient } from '../polite-client.ts'
import { type RunningTarget, settled } from '../start-target.ts'
import type { Rest } from '../target-process.ts'
import type { Contender } from './contenders.ts'
import { type Kind, kindOf, kinds } from './kinds.ts'
import type { PeerClientArgs, PeerClientResult } from './peer-client.ts'
import { freePort, supervise } from './supervise.ts'

export interface TormentOptions extends StormOptions {
  /** Whether there are errors that nobody catches, too. */
  readonly strays: boolean
}

/** How often something was so, and a few of the requests that show it: the number of the visit, of the request. */
export interface Count {
  readonly count: number
  readonly examples: readonly string[]
}

export interface Torment {
  readonly requests: number
  readonly visits: number
  readonly seconds: number
  readonly deaths: Count
  readonly wrongs: Readonly<Record<Kind, Count>>
  /** Handlers that listen, and that nobody has told that their time is over. */
  readonly untold: number
  /** Requests of which the app's own error handler was told once more, after their timeout. */
  readonly toldAgain: number
  /** Bodies that are neither at their end nor given up, once all handlers have been let go. */
  readonly openBodies?: Count
  readonly uncaught: number
  readonly polite: Politeness
  /** Of a process that has lived to the end. */
  readonly rest?: { readonly before: Rest; readonly after: Rest }
}

const WARM_UP = 1_000
const EXAMPLES = 3
/** How long after the last client is looked at who still runs: streams may have been given up only then. */
const AFTER_MS = 2_000

/** The same as an attack, on somebody who has promised less: nothing is balanced, but counted. */
export async function torment(contender: Contender, options: TormentOptions): Promise<Torment> {
  const { runtime, seed, seconds, requests, connections, from, to, strays } = options
  const { module, traits, isCurfew } = contender
  const { log, remove } = logs()
  const server = await supervise(runtime, {
    module,
    limitMs: LIMIT_MS,
    log,
    port: isCurfew ? 0 : await freePort(),
  })
  try {
    const clients = (args: Pick<PeerClientArgs, 'requests' | 'from' | 'to'>) =>
      run<PeerClientResult>(thisNode, 'torture/peers/peer-client.js', {
        plan: { seed, limitMs: LIMIT_MS, strays },
        port: server.port,
        traits,
        connections,
        seconds,
        ...args,
      } satisfies PeerClientArgs)

    if (to === null && !strays) {
      await clients({ requests: Math.min(WARM_UP, requests), from: from + 1e8, to: null })
    }
    if (!strays) await settled(await server.current())
    const first = await server.current()
    const before = await first.ask<Rest>('rest')
    const { deaths } = server
    const diedBefore = deaths.length

    const polite = politeClient(server.port, 'http/1.1')
    const { wrongs, ...storm } = await clients({ requests, from, to })
    const politeness = await polite.stop()
    await sleep(AFTER_MS)
    const last = await server.current()
    const state = await last.ask<State>('state')
    const died = deaths.slice(diedBefore)
    const end = strays ? undefined : await endOf(last).catch(() => undefined)
    return {
      requests: storm.requests,
      visits: storm.visits,
      seconds: storm.seconds,
      deaths: { count: died.length, examples: [...new Set(died.map(({ of }) => of))].slice(0, EXAMPLES) },
      wrongs: byKind(wrongs.map((wrong) => ({ wrong, kind: kindOf(wrong, deaths) }))),
      untold: state.running.obedient ?? 0,
      toldAgain: sum(state.notes),
      uncaught: state.uncaughtCount,
      polite: politeness,
      ...(end && {
        openBodies: { count: end.state.openBodies.length, examples: end.state.openBodies.slice(0, EXAMPLES) },
      }),
      ...(end && died.length === 0 && { rest: { before, after: end.rest } }),
    }
  } finally {
    await server.stop()
    remove()
  }
}

/** Who has never settled does now; that may be too much for it. */
async function endOf(target: RunningTarget): Promise<{ state: State; rest: Rest }> {
  const state = await settled(target)
  return { state, rest: await target.ask<Rest>('rest') }
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0)
}

function byKind(
  wrongs: readonly { wrong: PeerClientResult['wrongs'][number]; kind: Kind }[],
): Record<Kind, Count> {
  const counts = {} as Record<Kind, Count>
  for (const name of Object.keys(kinds) as Kind[]) {
    const those = wrongs.filter(({ kind }) => kind === name).map(({ wrong }) => wrong)
    const examples = those
      .slice(0, EXAMPLES)
      .map(
        ({ visit, exchange, handler, kind, says }) =>
          `visit ${visit}${handler ? `, request ${exchange! + 1} (${handler})` : ''}: ${says.startsWith('waited') ? says : `${kind}: ${says}`}`,
      )
    counts[name] = { count: those.length, examples }
  }
  return counts
}
