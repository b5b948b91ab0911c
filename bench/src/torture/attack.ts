import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { run } from '../child.ts'
import { type Runtime, thisNode } from '../runtimes.ts'
import { balance, type Line } from './balance.ts'
import type { ClientArgs, ClientResult } from './client.ts'
import { type Politeness, politeClient } from './polite-client.ts'
import { settled, startTarget } from './start-target.ts'
import type { Rest } from './target-process.ts'
import { targets } from './targets.ts'

export interface AttackOptions {
  readonly target: string
  readonly runtime: Runtime
  readonly seed: number
  readonly seconds: number
  readonly requests: number
  readonly connections: number
  readonly from: number
  readonly to: number | null
}

export interface AttackResult {
  readonly seed: number
  readonly requests: number
  readonly connections: number
  readonly seconds: number
  readonly saw: ClientResult['saw']
  readonly manners: ClientResult['manners']
  readonly statuses: ClientResult['statuses']
  readonly outcomes: Readonly<Record<string, number>>
  readonly lateWrites: number
  readonly polite: Politeness
  readonly before: Rest
  readonly after: Rest
  readonly books: readonly Line[]
}

/** Of every handler, in milliseconds. */
const LIMIT_MS = 250
/** How many requests there are before the first look at what the process holds. */
const WARM_UP = 3_000
/** What a heap may have grown by all the same: compiled code, and what the runtime keeps for the next connection. */
const HEAP_MARGIN_BYTES = 3 * 2 ** 20
const FILES_MARGIN = 2
/** Processor time that a process may use in a second of doing nothing. */
const IDLE_CPU_MS = 100

/** What Deno says once of its own signals: packages/deno/README.md. */
const advice = /^Deno\.serve: request\.signal aborts on successful responses .*\n/m

/** Starts a target, lets its clients misbehave, and closes the books. */
export async function attack(options: AttackOptions): Promise<AttackResult> {
  const { target, runtime, seed, connections, seconds, requests, from, to } = options
  const { traits, module, protocol } = targets[target]!
  const folder = mkdtempSync(join(tmpdir(), 'curfew-torture-'))
  const log = join(folder, 'access.log')
  const seenLog = join(folder, 'clients.log')
  const server = await startTarget(runtime, { module, limitMs: LIMIT_MS, log })
  try {
    const clients = (args: Pick<ClientArgs, 'prefix' | 'seconds' | 'requests' | 'from' | 'to'>) =>
      run<ClientResult>(thisNode, 'torture/client.js', {
        target,
        port: server.port,
        seed,
        limitMs: LIMIT_MS,
        connections,
        log: seenLog,
        ...args,
      } satisfies ClientArgs)

    const warmUp = await clients({
      prefix: 'w',
      seconds,
      requests: Math.min(WARM_UP, requests),
      // Other visits than those to come.
      from: from + 1e8,
      to: to === null ? null : to + 1e8,
    })
    await settled(server)
    const before = await server.ask<Rest>('rest')

    const polite = politeClient(server.port, protocol)
    const storm = await clients({ prefix: 's', seconds, requests, from, to })
    const politeness = await polite.stop()
    const state = await settled(server)
    const after = await server.ask<Rest>('rest')

    const lines = balance(
      readFileSync(log, 'utf8'),
      readFileSync(seenLog, 'utf8'),
      state,
      [warmUp, storm],
      traits,
    )
    const grown = after.heapBytes - before.heapBytes
    const said = server.said().replace(advice, '')
    lines.push(
      {
        what: 'somebody polite is answered all the time',
        says: `${politeness.answered} of ${politeness.asked}`,
        holds: politeness.answered === politeness.asked,
        examples: politeness.complaints,
      },
      {
        what: 'nothing is left: active, abandoned, connections, bodies, reports',
        says: [
          state.active,
          state.abandoned,
          state.connections,
          state.openBodies.length,
          state.reportsPending + state.reportsLost,
        ].join(', '),
        holds:
          state.active + state.abandoned + state.connections + state.openBodies.length === 0 &&
          state.reportsPending + state.reportsLost === 0,
        examples: state.openBodies.map((id) => `the body of ${id}`),
      },
      {
        what: 'no error that nobody has caught, no hook that failed',
        says: `${state.uncaughtCount}, ${state.hookFailures + state.hooksDropped}`,
        holds: state.uncaughtCount + state.hookFailures + state.hooksDropped === 0,
        examples: state.uncaught,
      },
      {
        what: 'nothing said on the console',
        says: said === '' ? 'nothing' : `${said.length} characters`,
        holds: said === '',
        ...(said !== '' && { examples: [said.slice(0, 2_000)] }),
      },
      {
        what: `the heap is where it was (${HEAP_MARGIN_BYTES / 2 ** 20} MiB more at most)`,
        says: `${mib(before.heapBytes)} MiB before, ${mib(after.heapBytes)} after`,
        holds: grown <= HEAP_MARGIN_BYTES,
      },
      {
        what: 'open files, and what the event loop waits for, are what they were',
        says: `${before.files} and ${kindsOf(before)} before, ${after.files} and ${kindsOf(after)} after`,
        holds: after.files <= before.files + FILES_MARGIN && kindsOf(after) === kindsOf(before),
      },
      {
        what: 'the process is idle',
        says: `${Math.round(after.idleCpuMs)} ms of processor time in a second`,
        holds: after.idleCpuMs < IDLE_CPU_MS,
      },
    )
    return {
      seed,
      requests: storm.requests,
      connections: storm.visits,
      seconds: storm.seconds,
      saw: storm.saw,
      manners: storm.manners,
      statuses: storm.statuses,
      outcomes: state.outcomes,
      lateWrites: state.lateWrites,
      polite: politeness,
      before,
      after,
      books: lines,
    }
  } finally {
    await server.stop()
    if (!process.env.TORTURE_KEEP) rmSync(folder, { recursive: true })
    else console.log(folder)
    await sleep(0)
  }
}

function mib(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1)
}

/** Timers come and go: with the next request they are there again. */
function kindsOf({ resources }: Rest): string {
  const kinds = Object.entries(resources).filter(([kind]) => kind !== 'Timeout' && kind !== 'Immediate')
  return kinds.map(([kind, count]) => `${count} ${kind}`).join(', ') || 'nothing'
}
