import { setTimeout as delay } from 'node:timers/promises'
import type { Target } from './fixture.ts'
import type { ServerRecord } from './record-log.ts'
import type { Reply } from './wire.ts'
import { patienceMs } from './within.ts'

export type Ending = ServerRecord & {
  readonly event: 'ending'
  readonly kind: 'completed' | 'timed-out' | 'client-closed' | 'failed' | 'rejected'
  readonly status: number
  readonly phase?: 'waiting' | 'handling' | 'receiving' | 'writing' | 'streaming'
  readonly method: string
  readonly path: string
  readonly elapsedMs: number
}

/** What the server has written down about its requests, checked for being exactly one entry each. */
export type Books = {
  /** Waits for the request's ending, then makes sure that there is no second one. */
  theOnlyEnding(path: string): Promise<Ending>
  /** The endings of all these paths that there are by now: for requests that may never have reached a handler. */
  endings(paths: readonly string[]): Promise<Ending[]>
  /** Waits for what an abandoned handler did at last. */
  late(path: string): Promise<ServerRecord>
  hasLate(path: string): boolean
  greeter(name: string, state: 'started' | 'finished' | 'cancelled'): Promise<ServerRecord>
  hasGreeter(name: string, state: 'started' | 'finished' | 'cancelled'): boolean
  /** Takes down what the server's statistics say while nothing is under way. */
  markIdle(): Promise<void>
  /** Waits until they say it again: nothing is under way, and nothing abandoned. */
  quiet(): Promise<void>
}

/** `get` fetches a path over a connection of its own; `barrier` and `stats` give a new path each. */
export function books(
  target: Target,
  get: (path: string) => Promise<Reply>,
  barrier: () => string,
  stats: () => string,
): Books {
  const { records } = target
  // Whether a server counts the request that asks is its own affair: what it says while idle is its zero.
  let idle: { active: number; abandoned: number } | undefined

  function hasEnding(path: string): (record: ServerRecord) => boolean {
    return (record) => record.event === 'ending' && record.path === path
  }

  /** Whatever the server had written before it ended this request has been read. */
  async function catchUp(): Promise<void> {
    const path = barrier()
    await get(path)
    await records.waitFor(hasEnding(path), `the ending of the barrier ${path}`)
  }

  async function readStats(): Promise<{ active: number; abandoned: number }> {
    const { body } = await get(stats())
    const { active, abandoned }: { active: unknown; abandoned: unknown } = JSON.parse(body.toString())
    if (typeof active !== 'number' || typeof abandoned !== 'number') throw new Error(`not stats: ${body}`)
    return { active, abandoned }
  }

  async function endings(paths: readonly string[]): Promise<Ending[]> {
    await catchUp()
    const wanted = new Set(paths)
    return records.all
      .filter((record) => record.event === 'ending' && wanted.has(String(record.path)))
      .map(checkedEnding)
  }

  function isLate(path: string): (record: ServerRecord) => boolean {
    return (record) => record.event === 'late' && record.path === path
  }

  function isGreeter(name: string, state: string): (record: ServerRecord) => boolean {
    return (record) => record.event === 'greeter' && record.name === name && record.state === state
  }

  return {
    async theOnlyEnding(path) {
      await records.waitFor(hasEnding(path), `the ending of ${path}`)
      const all = await endings([path])
      const [ending, ...more] = all
      if (ending === undefined || more.length > 0) {
        throw new Error(`${all.length} endings of one request: ${all.map((each) => JSON.stringify(each))}`)
      }
      return ending
    },
    endings,
    late: (path) => records.waitFor(isLate(path), `the late settlement of ${path}`),
    hasLate: (path) => records.all.some(isLate(path)),
    greeter: (name, state) => records.waitFor(isGreeter(name, state), `the greeter: ${name} ${state}`),
    hasGreeter: (name, state) => records.all.some(isGreeter(name, state)),
    async markIdle() {
      idle = await readStats()
      if (idle.active > 1 || idle.abandoned !== 0) throw new Error(`not idle: ${JSON.stringify(idle)}`)
    },
    async quiet() {
      if (idle === undefined) throw new Error('no statistics: the route is not offered')
      const giveUpAt = performance.now() + patienceMs
      let now = await readStats()
      while (now.active !== idle.active || now.abandoned !== 0) {
        if (performance.now() > giveUpAt) {
          throw new Error(`still busy: ${JSON.stringify(now)}, while idle: ${JSON.stringify(idle)}`)
        }
        await delay(20)
        now = await readStats()
      }
    },
  }
}

const kinds = new Set(['completed', 'timed-out', 'client-closed', 'failed', 'rejected'])
const phases = new Set([undefined, 'waiting', 'handling', 'receiving', 'writing', 'streaming'])

function checkedEnding(record: ServerRecord): Ending {
  const { kind, phase, status, method, elapsedMs } = record
  const wellFormed =
    kinds.has(String(kind)) &&
    phases.has(phase as Ending['phase']) &&
    Number.isInteger(status) &&
    typeof method === 'string' &&
    typeof elapsedMs === 'number' &&
    elapsedMs >= 0
  if (!wellFormed) throw new Error(`not an ending: ${JSON.stringify(record)}`)
  return record as Ending
}
