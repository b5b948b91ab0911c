import { garbage } from './garbage.ts'
import type { HandlerName } from './handlers.ts'
import { breaking, type Exchange } from './plan.ts'

/** What a target does that not all of them do. */
export interface Traits {
  /** Whether a response is kept back until its handler has ended it. */
  readonly held: boolean
  /** Whether what nobody catches is charged to its request. */
  readonly contains: boolean
  /** Of what statuses replies have what is set outside of the guard (the id of the request). */
  readonly outside: readonly number[]
  /** Whether it answers a pipeline; the others close the connection. */
  readonly pipelines: boolean
  /** Whether it looks at requests as strictly as it has to; the others are lenient about heads that are malformed. */
  readonly strict: boolean
  /** That of a timeout. */
  readonly timeoutStatus: number
  /** Whether what it answers by itself is a problem with a code. */
  readonly problems: boolean
  /** Whether it reads from a request how long its client waits. */
  readonly readsDeadlines: boolean
  /** Whether a client that has sent its FIN, and still reads, is sent the bodyless 499 that stands for its having left. */
  readonly sends499: boolean
  /** Whether what it records of a response is what became of it on the wire. */
  readonly tellsDelivery: boolean
}

/** What a client may see of a request that it has sent, and whose response it waits for. */
export interface Allowed {
  /** Of whole responses; where the request was garbage, of those that broke off, too. */
  readonly statuses: ReadonlySet<number>
  /** Whether a response may break off in the middle. */
  readonly cut: boolean
  /** Whether the connection may be closed without a response. */
  readonly nothing: boolean
}

/** Statuses of whole responses; `cut` where it breaks off in the middle instead, as it has to. */
type Expectation = readonly (number | 'cut')[]

interface Expected {
  readonly held: Expectation
  readonly sent: Expectation
}

const always = (...what: Expectation): Expected => ({ held: what, sent: what })

/** What each handler leads to when its client waits: where responses are held back, and where they are sent. */
const table: Record<HandlerName, Expected> = {
  ok: always(200),
  empty: always(204),
  unread: always(200),
  big: always(200),
  // A machine that is busy may let the deadline strike all the same.
  wait: always(200, 503),
  // It may be the client that is too slow.
  upload: always(200, 503, 408),
  stream: { held: [200, 503], sent: [200] },
  'stream-at-once': always(200),
  endless: always('cut'),
  firehose: always('cut'),
  half: { held: [500, 503], sent: ['cut', 500] },
  'half-at-once': always('cut'),
  stuck: { held: [503], sent: ['cut'] },
  'stuck-at-once': always('cut'),
  late: always(503),
  'late-throw': always(503),
  throw: always(500),
  'throw-after': always(500, 503),
  stray: always(500, 503),
  reject: always(500, 503),
  never: always(503),
  obedient: always(503),
}

/** What a server says by itself to a client that has broken the protocol. */
const refusals = [400, 408, 413, 414, 417, 431, 501, 505] as const

export function allowed(
  { handler, deadline, manner }: Exchange,
  { held, strict, sends499, timeoutStatus, readsDeadlines, problems }: Traits,
): Allowed {
  const means = readsDeadlines ? deadline?.means : 'nothing'
  const expected: Expectation = means === 'expired' ? [504] : table[handler][held ? 'held' : 'sent']
  const statuses = new Set(
    expected.flatMap((each) => (each === 'cut' ? [] : each === 503 ? timeoutStatus : each)),
  )
  const cut = expected.includes('cut')
  if (means === 'short') statuses.add(timeoutStatus)
  if (!problems) statuses.delete(408)
  if (sends499 && breaking.has(manner.kind)) statuses.add(499)
  switch (manner.kind) {
    case 'garbage':
      // Who speaks HTTP/0.9 is not told the end of a body from its breaking off.
      return garbage[manner.which]!.tolerated || !strict
        ? { statuses: new Set([...statuses, ...refusals, 200]), cut: true, nothing: true }
        : { statuses: new Set(refusals), cut: true, nothing: true }
    case 'short-body':
    case 'long-body':
    case 'bad-chunk':
      return { statuses: new Set([...statuses, ...refusals]), cut: true, nothing: true }
    case 'half-close':
      // Node takes that for a client that has left.
      return { statuses, cut: true, nothing: true }
    default:
      // A reset takes with it what has not been read.
      return { statuses, cut, nothing: cut }
  }
}
