import type { ClientResult } from './client.ts'
import type { Traits } from './expected.ts'
import type { State } from './kit.ts'

/** One line of the books: what it says, and whether it is so. */
export interface Line {
  readonly what: string
  readonly says: string
  readonly holds: boolean
  /** Some of the requests for which it is not so. */
  readonly examples?: readonly string[]
}

interface Outcome {
  readonly kind: string
  readonly status: number
  readonly phase: string
  readonly escaped: boolean
}

/** What the log of a target says of a request. */
interface Entry {
  handled: number
  outcomes: Outcome[]
  late: number
  reports: string[]
}

const EXAMPLES = 5
/** Answers of the server itself, which no guard hears of. */
const OWN = new Set([400, 408, 413, 414, 417, 431, 501, 505])

/** Compares what the handlers, the guard, its log, its reports and the clients say of the same requests. */
export function balance(
  log: string,
  seenLog: string,
  state: State,
  clients: readonly ClientResult[],
  traits: Traits,
): Line[] {
  const entries = read(log)
  const seen = readSeen(seenLog)
  const all = [...entries]
  const outcomes = sum(all.map(([, { outcomes }]) => outcomes.length))
  const handled = sum(all.map(([, entry]) => entry.handled))
  const kinds: Record<string, number> = {}
  for (const [, entry] of all) {
    for (const { kind } of entry.outcomes) kinds[kind] = (kinds[kind] ?? 0) + 1
  }
  const never = all.filter(([, entry]) => entry.handled === 0 && entry.outcomes.length > 0).length

  const lines: Line[] = [
    {
      what: 'requests that handlers have seen, or that were refused before',
      says: `${handled} + ${never} = ${outcomes} lines of the access log`,
      holds: handled + never === outcomes && handled === state.handled,
    },
    {
      what: 'outcomes that the guard has counted',
      says: Object.entries(state.outcomes)
        .map(([kind, count]) => `${count} ${kind}`)
        .join(', '),
      holds: Object.entries(state.outcomes).every(([kind, count]) => count === (kinds[kind] ?? 0)),
    },
    each('each request has one handler and one ending', all, (entry) => {
      return entry.handled <= 1 && entry.outcomes.length === 1
    }),
    each('who never reached a handler was refused, or had left', all, ({ handled, outcomes: [outcome] }) => {
      return handled === 1 || outcome?.kind === 'rejected' || outcome?.phase === 'waiting'
    }),
    each('an abandoned handler settles once at most', all, ({ late }) => late <= 1),
    each(
      'failures and timeouts have a report each, nobody else has',
      all,
      ({ outcomes: [outcome], reports }) => {
        const reported = reports.filter((kind) => kind !== 'late').length
        return reported === (outcome && isReported(outcome) ? 1 : 0)
      },
    ),
    eachSeen('what clients saw is what was recorded', seen, entries, traits),
  ]
  const wrong = sum(clients.flatMap((client) => Object.values(client.wrong)))
  const failed = sum(clients.map((client) => client.failed))
  const requests = sum(clients.map((client) => client.requests))
  lines.push({
    what: 'each client has one well-formed response, or has left',
    says: `${requests - wrong} of ${requests}${failed > 0 ? `, and ${failed} connections failed` : ''}`,
    holds: wrong === 0 && failed === 0,
    examples: clients.flatMap(({ complaints }) => complaints).slice(0, EXAMPLES),
  })
  return lines
}

/** A client that is too slow with its body is none of those. */
function isReported({ kind, phase }: Outcome): boolean {
  return kind === 'failed' || (kind === 'timed-out' && phase !== 'receiving')
}

function each(what: string, entries: readonly [string, Entry][], holds: (entry: Entry) => boolean): Line {
  const broken = entries.filter(([, entry]) => !holds(entry))
  return {
    what,
    says: `${entries.length - broken.length} of ${entries.length}`,
    holds: broken.length === 0,
    ...(broken.length > 0 && {
      examples: broken.slice(0, EXAMPLES).map(([id, entry]) => `${id}: ${JSON.stringify(entry)}`),
    }),
  }
}

function eachSeen(
  what: string,
  seen: ReadonlyMap<string, Sight>,
  entries: ReadonlyMap<string, Entry>,
  traits: Traits,
): Line {
  const waited = [...seen].filter(([, { what: sight }]) => sight === 'whole' || sight === 'cut')
  const broken = waited.filter(([id, sight]) => !agrees(sight, entries.get(id)?.outcomes[0], traits))
  return {
    what,
    says: `${waited.length - broken.length} of ${waited.length}`,
    holds: broken.length === 0,
    ...(broken.length > 0 && {
      examples: broken
        .slice(0, EXAMPLES)
        .map(([id, sight]) => `${id}: ${JSON.stringify(sight)} but ${JSON.stringify(entries.get(id))}`),
    }),
  }
}

const endings: Readonly<Record<number, string>> = {
  200: 'completed',
  204: 'completed',
  500: 'failed',
  503: 'timed-out',
  504: 'rejected',
  499: 'client-closed',
}

function agrees(
  { what, status, fault }: Sight,
  outcome: Outcome | undefined,
  { tellsDelivery }: Traits,
): boolean {
  // The server's own; what becomes of the request that it interrupts is the client's fault.
  if (OWN.has(status)) return outcome === undefined || outcome.kind !== 'completed' || !tellsDelivery
  if (!outcome) return false
  if (fault && (what === 'cut' || outcome.kind === 'client-closed' || outcome.status === status)) return true
  if (what === 'whole') return outcome.status === status && outcome.kind === endings[status]
  return !tellsDelivery || outcome.kind !== 'completed'
}

interface Sight {
  readonly what: string
  readonly status: number
  /** Whether the client has broken the protocol, so that the server may have closed the connection. */
  readonly fault: boolean
}

function readSeen(log: string): Map<string, Sight> {
  const seen = new Map<string, Sight>()
  for (const line of linesOf(log)) {
    const [id = '', what = '', status, fault] = line.split(' ')
    seen.set(id, { what, status: Number(status), fault: fault === 'fault' })
  }
  return seen
}

function read(log: string): Map<string, Entry> {
  const entries = new Map<string, Entry>()
  for (const line of linesOf(log)) {
    const [event, id = '', ...rest] = line.split(' ')
    let entry = entries.get(id)
    if (!entry) {
      entry = { handled: 0, outcomes: [], late: 0, reports: [] }
      entries.set(id, entry)
    }
    const [first = '', status, phase = '', escaped] = rest
    if (event === 'h') entry.handled++
    else if (event === 'o') {
      entry.outcomes.push({ kind: first, status: Number(status), phase, escaped: escaped === 'escaped' })
    } else if (event === 'l' && status !== 'escaped') entry.late++
    else if (event === 'r') entry.reports.push(first)
  }
  return entries
}

function* linesOf(text: string): Generator<string> {
  for (const line of text.split('\n')) if (line) yield line
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
