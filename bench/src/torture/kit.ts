import { openSync, writeSync } from 'node:fs'
import type { GuardOptions, Stats } from '@curfew/core'
import { reporter } from '@curfew/core/report'
import { type Answer, type Asked, handlers, isHandler, type World } from './handlers.ts'
import type { TargetArgs } from './target-process.ts'

/** What a target is made of: it lets requests in, and sends what is answered. */
export interface Kit extends World {
  /** What the handler that the path names answers; every request that reaches the app comes by here, once. */
  answer(asked: Omit<Asked, 'id' | 'amount'>, url: string): Answer | Promise<Answer>
  /** Where to listen: 0 for any port that is free. */
  readonly port: number
  /** For the guard of a target of our own: the deadline, the access log, the reports. */
  readonly guard: GuardOptions
  /** For a target that has no guard: a response has ended. */
  ended(url: string, status: number): void
  /** For such a target: something has happened that is counted. */
  note(what: string): void
  /** What nobody caught, and no request was charged with. */
  uncaught(error: unknown): void
}

/** A target that listens. */
export interface Listening {
  readonly port: number
  /** How many connections are open, where the runtime tells. */
  connections?(): Promise<number>
  /** Of the guard, if there is one. */
  readonly stats?: Stats
}

export type Serve = (kit: Kit) => Promise<Listening>

/** What the process of a target tells. */
export interface State {
  readonly handled: number
  readonly active: number
  readonly abandoned: number
  readonly outcomes: Readonly<Record<string, number>>
  readonly lateWrites: number
  readonly hookFailures: number
  readonly hooksDropped: number
  readonly reportsPending: number
  readonly reportsLost: number
  readonly uncaught: readonly string[]
  readonly uncaughtCount: number
  readonly connections: number
  readonly openBodies: readonly string[]
  /** The handlers that have not settled, by name. */
  readonly running: Readonly<Record<string, number>>
  /** What a target has noted, and how often. */
  readonly notes: Readonly<Record<string, number>>
}

const LOG_BYTES = 65_536
const KEPT = 20

/** The id in the URL of a request. */
export function idOf(url: string): string {
  return /[?&]id=([\w.]+)/.exec(url)?.[1] ?? '-'
}

/**
 * What is counted in the process of a target. Each thing that happens to a request is a line of the log: `h` a handler
 * begins, `o` an outcome, `l` a late settlement, `r` a report; for targets without a guard `e` the end of a response.
 */
export function makeKit({ limitMs, log, port = 0 }: TargetArgs): { kit: Kit; control: Control } {
  const fd = openSync(log, 'a')
  let text = ''
  let handled = 0
  let release = (): void => {}
  let released = new Promise<void>((resolve) => {
    release = resolve
  })
  const uncaught: string[] = []
  let uncaughtCount = 0
  const running: Record<string, number> = {}
  const notes: Record<string, number> = {}
  let listening: Listening | undefined

  function write(line: string): void {
    text += `${line}\n`
    if (text.length > LOG_BYTES) flush()
  }

  function flush(): void {
    if (text) writeSync(fd, text)
    text = ''
  }

  // Also of a process that crashes.
  process.on('exit', flush)

  const reports = reporter({
    hooks: [
      ({ kind, request, outcome }) => {
        write(`r ${request.id} ${kind} ${outcome.kind}`)
      },
    ],
    on: ['failed', 'timed-out'],
    requestId: ({ url }) => idOf(url),
    redact: { allow: { query: ['id'], headers: ['x-id'] } },
    dedupeMs: false,
    maxPerMinute: Number.POSITIVE_INFINITY,
    maxQueued: Number.POSITIVE_INFINITY,
  })

  function add(to: Record<string, number>, key: string, count = 1): void {
    to[key] = (to[key] ?? 0) + count
  }

  /** Who lets go of the answer lets go of its error as well. */
  async function counted(name: string, answer: Promise<Answer>): Promise<Answer> {
    add(running, name)
    try {
      return await answer
    } finally {
      add(running, name, -1)
    }
  }

  const kit: Kit = {
    limitMs,
    port,
    openBodies: new Set(),
    get released() {
      return released
    },
    answer(asked, url) {
      const [, name = '', amount] = /\/([^/?]+)\/(\d+)/.exec(url) ?? []
      const id = idOf(url)
      handled++
      write(`h ${id}`)
      const request: Asked = { ...asked, id, amount: Number(amount) }
      if (!isHandler(name)) return { status: 404, body: 'not found' }
      const answer = handlers[name](request, kit)
      return answer instanceof Promise ? counted(name, answer) : answer
    },
    guard: {
      timeoutMs: limitMs,
      streamIdleMs: limitMs * 4,
      streamTotalMs: limitMs * 20,
      inbound: ['connect-timeout-ms', 'grpc-timeout', 'x-envoy-expected-rq-timeout-ms'],
      reporter: reports,
      onOutcome(outcome, { url }) {
        const phase = 'phase' in outcome ? outcome.phase : 'reason' in outcome ? outcome.reason : '-'
        const escaped = 'escaped' in outcome ? 'escaped' : '-'
        write(`o ${idOf(url)} ${outcome.kind} ${outcome.status} ${phase} ${escaped}`)
      },
      onLateSettlement({ kind, escaped }, { url }) {
        write(`l ${idOf(url)} ${kind} ${escaped ? 'escaped' : '-'}`)
      },
    },
    ended: (url, status) => write(`e ${idOf(url)} ${status}`),
    note: (what) => add(notes, what),
    uncaught(error) {
      uncaughtCount++
      if (uncaught.length < KEPT)
        uncaught.push(error instanceof Error ? (error.stack ?? error.message) : String(error))
    },
  }

  return {
    kit,
    control: {
      listens(target) {
        listening = target
      },
      /** Those who never settle do, and those who come later may not again. */
      release() {
        release()
        released = new Promise<void>((resolve) => {
          release = resolve
        })
      },
      async state() {
        flush()
        const { stats } = listening!
        return {
          handled,
          active: stats?.active ?? 0,
          abandoned: stats?.abandoned ?? 0,
          outcomes: { ...stats?.outcomes },
          lateWrites: stats?.lateWrites ?? 0,
          hookFailures: stats?.hookFailures ?? 0,
          hooksDropped: stats?.hooksDropped ?? 0,
          reportsPending: reports.stats.pending,
          reportsLost:
            reports.stats.dropped + reports.stats.limited + reports.stats.failed + reports.stats.repeated,
          uncaught,
          uncaughtCount,
          connections: (await listening!.connections?.()) ?? 0,
          openBodies: [...kit.openBodies],
          running,
          notes,
        }
      },
    },
  }
}

/** What the process of a target is told to do. */
export interface Control {
  listens(target: Listening): void
  release(): void
  state(): Promise<State>
}
