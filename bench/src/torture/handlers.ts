import { createHash } from 'node:crypto'
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'

/** What a handler sees of its request, whatever framework it runs in. */
export interface Asked {
  /** Of the request: its client finds it again in the response. */
  readonly id: string
  /** The number in its path. */
  readonly amount: number
  readonly signal: AbortSignal
  body(): AsyncIterable<Uint8Array>
}

/** What a handler answers, for a framework to send in its own way. */
export interface Answer {
  readonly status: number
  readonly body: string | AsyncIterable<string>
  /** Whether the head is to go out before the body is there; a handler of the fetch kind has no choice. */
  readonly atOnce?: boolean
}

/** What a handler does, by the first part of the path. */
export type HandlerName =
  | 'ok'
  | 'empty'
  | 'unread'
  | 'big'
  | 'wait'
  | 'upload'
  | 'stream'
  | 'stream-at-once'
  | 'endless'
  | 'firehose'
  | 'half'
  | 'half-at-once'
  | 'stuck'
  | 'stuck-at-once'
  | 'late'
  | 'late-throw'
  | 'throw'
  | 'throw-after'
  | 'stray'
  | 'reject'
  | 'never'
  | 'obedient'

type Handler = (asked: Asked, world: World) => Answer | Promise<Answer>

/** What handlers share. */
export interface World {
  readonly limitMs: number
  /** Resolves when those who never settle are told to. */
  readonly released: Promise<void>
  /** The requests whose bodies have begun and are neither at their end nor were given up. */
  readonly openBodies: Set<string>
}

/**
 * Until it is too late for an answer. By turns of the event loop as well: where that has been blocked, the timers of a
 * handler may be due in the same turn as its deadline.
 */
async function tooLate({ limitMs }: World): Promise<void> {
  await sleep(limitMs)
  for (let i = 0; i < 3; i++) {
    await sleep(10)
    await turn()
  }
}

/** Between the parts of a stream. */
const PART_MS = 4
const PIECE = 'x'.repeat(16_384)

const say = (status: number, body: Answer['body'], atOnce?: boolean): Answer => ({
  status,
  body,
  ...(atOnce && { atOnce }),
})

export const handlers: Readonly<Record<HandlerName, Handler>> = {
  /** Answers at once. */
  ok: ({ id }) => say(200, textOf('ok', id, 0)),
  empty: () => say(204, ''),
  /** Answers without having looked at the body. */
  unread: ({ id }) => say(200, textOf('unread', id, 0)),
  /** A text of so many kilobytes. */
  big: ({ id, amount }) => say(200, textOf('big', id, amount)),
  /** Answers after so many milliseconds. */
  async wait({ id, amount }) {
    await sleep(amount)
    return say(200, textOf('wait', id, amount))
  },
  /** Reads the body to its end, and says what it was. */
  async upload({ id, body }) {
    const hash = createHash('sha1')
    let bytes = 0
    for await (const chunk of body()) {
      hash.update(chunk)
      bytes += chunk.length
    }
    return say(200, uploadText(id, bytes, hash.digest('hex')))
  },
  /** So many parts, one after the other. */
  stream: ({ id, amount }, world) => say(200, open(world, id, parts(id, amount))),
  'stream-at-once': ({ id, amount }, world) => say(200, open(world, id, parts(id, amount)), true),
  /** Streams until its reader leaves, slowly. */
  endless: ({ id }, world) => say(200, open(world, id, parts(id, Number.POSITIVE_INFINITY)), true),
  /** As fast as its reader takes it. */
  firehose: ({ id }, world) => say(200, open(world, id, pieces()), true),
  /** Streams two parts, and breaks. */
  half: ({ id }, world) => say(200, open(world, id, breaking(id))),
  'half-at-once': ({ id }, world) => say(200, open(world, id, breaking(id)), true),
  /** Streams two parts, and no more. */
  stuck: ({ id }, world) => say(200, open(world, id, stuck(id, world))),
  'stuck-at-once': ({ id }, world) => say(200, open(world, id, stuck(id, world)), true),
  /** Answers when its client has had a timeout. */
  async late({ id, amount }, world) {
    await tooLate(world)
    return say(200, textOf('late', id, amount))
  },
  async 'late-throw'({ id }, world) {
    await tooLate(world)
    throw new Error(`late-throw ${id}`)
  },
  throw({ id }) {
    throw new Error(`throw ${id}`)
  },
  async 'throw-after'({ id, amount }) {
    await sleep(amount)
    throw new Error(`throw-after ${id}`)
  },
  /** Throws where nobody catches it, and waits for that in vain. */
  stray({ id, amount }, { released }) {
    setTimeout(() => {
      throw new Error(`stray ${id}`)
    }, amount)
    return released.then(() => say(200, textOf('stray', id, amount)))
  },
  /** Rejects where nobody waits for it, and answers later. */
  async reject({ id }) {
    void Promise.reject(new Error(`reject ${id}`))
    await sleep(50)
    return say(200, textOf('reject', id, 0))
  },
  /** Never settles; until all are released, at the end. */
  async never({ id }, { released }) {
    await released
    return say(200, textOf('never', id, 0))
  },
  /** Never settles by itself, but listens. */
  obedient: ({ signal }) =>
    new Promise((_, reject) => {
      if (signal.aborted) reject(signal.reason)
      signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    }),
}

export function isHandler(name: string): name is HandlerName {
  return Object.hasOwn(handlers, name)
}

/** The body that a handler answers with, if that is one piece. */
export function textOf(name: HandlerName, id: string, amount: number): string {
  return name === 'big' ? `${id}:${'b'.repeat(amount * 1_024)}` : `${name} ${id}\n`
}

export function uploadText(id: string, bytes: number, hash: string): string {
  return `upload ${id} ${bytes} ${hash}\n`
}

export function streamText(id: string, amount: number): string {
  return Array.from({ length: amount }, (_, i) => part(id, i)).join('')
}

function part(id: string, i: number): string {
  return `${id}.${i}\n`
}

/** Counts a body as long as it is open; one that nobody begins to read never is. */
async function* open({ openBodies }: World, id: string, body: AsyncIterable<string>): AsyncGenerator<string> {
  openBodies.add(id)
  try {
    yield* body
  } finally {
    openBodies.delete(id)
  }
}

async function* parts(id: string, amount: number): AsyncGenerator<string> {
  for (let i = 0; i < amount; i++) {
    if (i > 0) await sleep(PART_MS)
    yield part(id, i)
  }
}

async function* pieces(): AsyncGenerator<string> {
  for (;;) yield PIECE
}

async function* breaking(id: string): AsyncGenerator<string> {
  yield* parts(id, 2)
  throw new Error(`half ${id}`)
}

async function* stuck(id: string, { released }: World): AsyncGenerator<string> {
  yield* parts(id, 2)
  await released
}
