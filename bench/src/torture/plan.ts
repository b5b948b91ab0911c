import { garbage } from './garbage.ts'
import type { HandlerName } from './handlers.ts'
import { type Random, random } from './random.ts'

/** How a client leaves: in order, or by a reset. */
export type Way = 'FIN' | 'RST'

/** When it leaves. */
export type Stage = 'in the head' | 'in the body' | 'while it is handled' | 'after the head' | 'in mid-body'

/** What is not polite about a request. Whoever `ends` is the last one of its connection. */
export type Manner =
  | { readonly kind: 'polite' }
  | { readonly kind: 'slow-writing'; readonly pieces: number; readonly pauseMs: number }
  | { readonly kind: 'slow-reading'; readonly pauseMs: number }
  | { readonly kind: 'expect'; readonly waits: boolean }
  | { readonly kind: 'half-close' }
  | { readonly kind: 'short-body'; readonly by: Way }
  | { readonly kind: 'long-body' }
  | { readonly kind: 'bad-chunk' }
  | { readonly kind: 'garbage'; readonly which: number }
  | { readonly kind: 'leave'; readonly at: Stage; readonly by: Way; readonly afterMs: number }

export interface Body {
  readonly framing: 'length' | 'chunked'
  readonly bytes: number
}

/** A header by which the client says how long it waits, and what a server has to make of it. */
export interface SaidDeadline {
  readonly header: string
  readonly value: string
  readonly means: 'nothing' | 'expired' | 'short'
}

/** One request, and how its client behaves. */
export interface Exchange {
  /** Within its connection. */
  readonly number: number
  readonly handler: HandlerName
  readonly amount: number
  readonly method: 'GET' | 'HEAD' | 'POST'
  readonly body?: Body
  readonly deadline?: SaidDeadline
  readonly manner: Manner
}

/** One connection: requests one after the other, or written all at once. */
export interface Visit {
  readonly number: number
  /** How long it is silent at first, from 0 to 1 of what the clients can afford. */
  readonly pause: number
  readonly pipelined: boolean
  readonly exchanges: readonly Exchange[]
}

/** What a target cannot be asked, or be asked of. */
export interface PlanLimits {
  /** Handlers that would end the process where nothing contains them. */
  readonly without: ReadonlySet<HandlerName>
  readonly limitMs: number
}

/** How often each handler is asked. */
const weights: Record<HandlerName, number> = {
  ok: 20,
  empty: 3,
  unread: 4,
  big: 4,
  wait: 14,
  upload: 10,
  stream: 6,
  'stream-at-once': 5,
  endless: 3,
  firehose: 1,
  half: 3,
  'half-at-once': 3,
  stuck: 1,
  'stuck-at-once': 1,
  late: 4,
  'late-throw': 3,
  throw: 4,
  'throw-after': 4,
  stray: 4,
  reject: 3,
  never: 3,
  obedient: 4,
}

const manners: Record<Manner['kind'], number> = {
  polite: 40,
  'slow-writing': 7,
  'slow-reading': 5,
  expect: 4,
  'half-close': 4,
  'short-body': 4,
  'long-body': 3,
  'bad-chunk': 2,
  garbage: 5,
  leave: 26,
}

/** What breaks the protocol, so that a server may answer as it likes, or close the connection at any time. */
export const breaking: ReadonlySet<Manner['kind']> = new Set([
  'half-close',
  'short-body',
  'long-body',
  'bad-chunk',
  'garbage',
])
/** These never come to an end by themselves. */
const unending: ReadonlySet<HandlerName> = new Set(['endless', 'firehose'])
/** What follows these on a connection may never be answered. */
const cutting: ReadonlySet<HandlerName> = new Set([
  'endless',
  'firehose',
  'half',
  'half-at-once',
  'stuck',
  'stuck-at-once',
])
const ending: ReadonlySet<Manner['kind']> = new Set([...breaking, 'leave'] as const)
const withBody: ReadonlySet<Manner['kind']> = new Set(['expect', 'short-body', 'long-body', 'bad-chunk'])
const headable: readonly HandlerName[] = ['ok', 'wait', 'throw', 'late', 'unread']

const deadlines: readonly SaidDeadline[] = [
  { header: 'connect-timeout-ms', value: '0', means: 'expired' },
  { header: 'connect-timeout-ms', value: '00000', means: 'expired' },
  { header: 'grpc-timeout', value: '0m', means: 'expired' },
  { header: 'connect-timeout-ms', value: '1', means: 'short' },
  { header: 'grpc-timeout', value: '1n', means: 'short' },
  { header: 'grpc-timeout', value: '20m', means: 'short' },
  { header: 'connect-timeout-ms', value: '-1', means: 'nothing' },
  { header: 'connect-timeout-ms', value: '1e308', means: 'nothing' },
  { header: 'connect-timeout-ms', value: 'NaN', means: 'nothing' },
  { header: 'connect-timeout-ms', value: 'Infinity', means: 'nothing' },
  { header: 'connect-timeout-ms', value: '0x10', means: 'nothing' },
  { header: 'connect-timeout-ms', value: '9999999999', means: 'nothing' },
  { header: 'connect-timeout-ms', value: '9'.repeat(400), means: 'nothing' },
  { header: 'connect-timeout-ms', value: '', means: 'nothing' },
  { header: 'connect-timeout-ms', value: '5, 5', means: 'nothing' },
  { header: 'grpc-timeout', value: '99999999H', means: 'nothing' },
  { header: 'grpc-timeout', value: '1', means: 'nothing' },
  { header: 'grpc-timeout', value: '-5S', means: 'nothing' },
  { header: 'grpc-timeout', value: '1.5S', means: 'nothing' },
  { header: 'x-envoy-expected-rq-timeout-ms', value: '2147483648', means: 'nothing' },
  { header: 'x-envoy-expected-rq-timeout-ms', value: '__proto__', means: 'nothing' },
]

/** The visit of that number in the plan of that seed: the same each time, whatever became of the others. */
export function visit(seed: number, number: number, limits: PlanLimits): Visit {
  const dice = random(seed, number)
  const pause = dice.next()
  const pipelined = dice.chance(0.12)
  const wanted = pipelined ? dice.between(2, 6) : dice.chance(0.5) ? 1 : dice.between(2, 5)
  const exchanges: Exchange[] = []
  while (exchanges.length < wanted) {
    const next = exchange(dice, exchanges.length, limits, pipelined, exchanges.length + 1 === wanted)
    exchanges.push(next)
    if (ending.has(next.manner.kind) || cutting.has(next.handler)) break
  }
  return { number, pause, pipelined, exchanges }
}

/** A connection of HTTP/2: its requests are under way at the same time. */
export interface Session {
  readonly number: number
  readonly pause: number
  readonly exchanges: readonly Exchange[]
  /** How many requests more are opened and reset at once, before the others. */
  readonly flood: number
  /** Whether the connection is cut under all of them, and when. */
  readonly cut?: { readonly by: Way; readonly afterMs: number }
  /** What is sent instead of all that. */
  readonly garbage?: number
}

/** The same over HTTP/2. */
export function session(seed: number, number: number, limits: PlanLimits): Session {
  const dice = random(seed, number)
  const pause = dice.next()
  if (dice.chance(0.05)) {
    return { number, pause, exchanges: [], flood: 0, garbage: dice.between(0, garbage.length - 1) }
  }
  // A server may well close a connection that floods it.
  if (dice.chance(0.05)) return { number, pause, exchanges: [], flood: dice.between(20, 400) }
  const exchanges = Array.from({ length: dice.between(1, 12) }, (_, i) => stream(dice, i, limits))
  if (dice.chance(0.8)) return { number, pause, exchanges, flood: dice.chance(0.2) ? 5 : 0 }
  const cut = { by: dice.one<Way>(['FIN', 'RST']), afterMs: dice.between(0, limits.limitMs * 2) }
  return { number, pause, exchanges, flood: 0, cut }
}

/** What HTTP/1.1 alone knows is polite here. */
function stream(dice: Random, number: number, limits: PlanLimits): Exchange {
  const next = exchange(dice, number, limits, false, true)
  const { kind } = next.manner
  return kind === 'garbage' || kind === 'half-close' || kind === 'bad-chunk'
    ? { ...next, manner: { kind: 'polite' } }
    : next
}

function exchange(
  dice: Random,
  number: number,
  { without, limitMs }: PlanLimits,
  pipelined: boolean,
  last: boolean,
): Exchange {
  let handler = dice.weighted(weights)
  while (without.has(handler) || (cutting.has(handler) && !last)) handler = dice.weighted(weights)
  let manner = toManner(dice, dice.weighted(manners), limitMs)
  if (unending.has(handler)) {
    const at = dice.one<Stage>(['while it is handled', 'after the head', 'in mid-body'])
    manner = { kind: 'leave', at, by: dice.one<Way>(['FIN', 'RST']), afterMs: dice.between(0, limitMs) }
  } else if (pipelined && manner.kind !== 'leave') {
    manner = { kind: 'polite' }
  }
  const needsBody = withBody.has(manner.kind) || (manner.kind === 'leave' && manner.at === 'in the body')
  if (needsBody && !['upload', 'unread', 'wait', 'never', 'late'].includes(handler)) {
    handler = dice.one<HandlerName>(['upload', 'upload', 'unread', 'wait', 'never'])
  }
  const amount = amountOf(dice, handler)
  if (manner.kind === 'garbage') return { number, handler, amount, method: 'GET', manner }
  const deadline = dice.chance(0.06) ? { deadline: dice.one(deadlines) } : {}
  const bodied = needsBody || handler === 'upload' || (dice.chance(0.1) && !unending.has(handler))
  if (bodied) {
    const small = pipelined || manner.kind === 'slow-writing'
    const chunked = manner.kind === 'bad-chunk' || (manner.kind !== 'long-body' && dice.chance(0.4))
    const bytes = small ? dice.between(0, 2_000) : Math.floor(10 ** (dice.next() * 5.3))
    const body: Body = { framing: chunked ? 'chunked' : 'length', bytes: needsBody ? bytes + 20 : bytes }
    return { number, handler, amount, method: 'POST', body, ...deadline, manner }
  }
  const method = headable.includes(handler) && dice.chance(0.1) ? 'HEAD' : 'GET'
  return { number, handler, amount, method, ...deadline, manner }
}

function amountOf(dice: Random, handler: HandlerName): number {
  if (handler === 'wait' || handler === 'throw-after') return dice.between(1, 60)
  if (handler === 'big') return dice.one([1, 20, 100, 400, 1_500])
  if (handler === 'stream' || handler === 'stream-at-once') return dice.between(1, 12)
  return handler === 'stray' ? dice.between(0, 30) : 0
}

function toManner(dice: Random, kind: Manner['kind'], limitMs: number): Manner {
  switch (kind) {
    case 'slow-writing':
      return { kind, pieces: dice.between(2, 8), pauseMs: dice.between(1, 30) }
    case 'slow-reading':
      return { kind, pauseMs: dice.between(10, limitMs * 2) }
    case 'expect':
      return { kind, waits: dice.chance(0.7) }
    case 'short-body':
      return { kind, by: dice.one<Way>(['FIN', 'RST']) }
    case 'garbage':
      return { kind, which: dice.between(0, garbage.length - 1) }
    case 'leave':
      return {
        kind,
        at: dice.one<Stage>([
          'in the head',
          'in the body',
          'while it is handled',
          'while it is handled',
          'after the head',
          'in mid-body',
        ]),
        by: dice.one<Way>(['FIN', 'RST']),
        // Some of them just when the limit is about to strike.
        afterMs: dice.chance(0.2) ? limitMs + dice.between(-3, 3) : dice.between(0, 60),
      }
    default:
      return { kind }
  }
}
