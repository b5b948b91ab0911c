import '../as-served.ts'
import { setImmediate as turn } from 'node:timers/promises'
import { type GuardOptions, scopeOf } from '@curfew/core'
import { type Reporter, reporter } from '@curfew/core/report'
import { leavableRequest, lightRequest } from '../light-request.ts'
import type { Served, Work } from './variants.ts'

/** One thing that a handler may do. */
export interface Case {
  /** The handler where a guard does its part. */
  readonly guarded: Work
  /** The handler that does the same by hand (default: the same). */
  readonly byHand?: Work
  /** What the handler does that nobody limits (default: `byHand`). */
  readonly unlimited?: Work
  readonly timeoutMs?: number
  readonly followsClient?: boolean
  readonly guard?: () => GuardOptions
  /** Only for guards and what they are compared with: for all others it is the case before. */
  readonly guardsOnly?: boolean
  /** How many requests there are at a time, and how they go. */
  readonly requests: number
  readonly drive: (served: Served, requests: number) => Promise<void>
}

const IN_TURN = 500
const AT_ONCE = 500
/** For what takes long: a batch is not to take longer than the rest. */
const FEW = 50
/** Who has not timed out after so many milliseconds, with a limit of one, never will. */
const GIVEN_UP_MS = 2_000

const response = new Response('hi')
const settled = Promise.resolve(response)
const chunk = new TextEncoder().encode('x'.repeat(1_024))
const never = new Promise<never>(() => {})

export const cases: Record<string, Case> = {
  'a synchronous response': { ...inTurn(), guarded: () => response },
  'a resolved promise': { ...inTurn(), guarded: () => settled },
  'a handler that awaits three times': { ...inTurn(), guarded: awaiting },
  '… with onOutcome and a reporter': {
    ...inTurn(),
    guarded: awaiting,
    guard: () => ({ onOutcome: () => {}, reporter: reporting() }),
    guardsOnly: true,
  },
  'one that reads its signal': {
    ...inTurn(leavableRequest),
    guarded: async (_request, signal) => {
      if (signal().aborted) throw signal().reason
      return await settled
    },
  },
  'one that throws, reported by a hook': {
    ...inTurn(),
    requests: FEW,
    guarded: failing,
    byHand: async () => {
      try {
        return await failing()
      } catch {
        return new Response('Internal Server Error', { status: 500 })
      }
    },
    guard: () => ({ reporter: reporting(), rethrow: false }),
  },
  'a stream of 16 kB, buffered': {
    ...inTurn(),
    requests: FEW,
    guarded: async () => streamed(),
    byHand: async () => {
      const whole = streamed()
      return new Response(await whole.arrayBuffer(), whole)
    },
    guard: () => ({ buffer: true }),
  },
  'an imperative response': {
    ...inTurn(),
    guarded: async (request) => {
      await undefined
      const buffer = scopeOf(request).response
      buffer.status = 201
      buffer.headers.set('content-type', 'text/plain')
      for (let line = 0; line < 4; line++) buffer.write('one line of it\n')
      return undefined
    },
    byHand: async () => {
      await undefined
      const headers = new Headers()
      headers.set('content-type', 'text/plain')
      const lines: string[] = []
      for (let line = 0; line < 4; line++) lines.push('one line of it\n')
      return new Response(lines.join(''), { status: 201, headers })
    },
  },
  'one that times out': {
    guarded: () => never,
    // As little as it can be: a timer.
    unlimited: () =>
      new Promise((resolve) => setTimeout(() => resolve(new Response('late', { status: 503 })), 1)),
    timeoutMs: 1,
    requests: AT_ONCE,
    drive: async (served, requests) => {
      const ended = Promise.all(Array.from({ length: requests }, () => settle(served(leavableRequest()))))
      await beforeGivenUp(ended)
    },
  },
  'a client that leaves': {
    guarded: (_request, signal) =>
      new Promise((_, reject) => {
        const { reason } = signal()
        if (reason) return reject(reason)
        signal().addEventListener('abort', () => reject(signal().reason), { once: true })
      }),
    followsClient: true,
    requests: AT_ONCE,
    drive: async (served, requests) => {
      const clients = Array.from({ length: requests }, leavableRequest)
      const ended = clients.map((request) => settle(served(request)))
      for (const client of clients) client.leave()
      await Promise.all(ended)
      await turn()
    },
  },
}

/** One request after the other, as they come in a turn of the loop. What is put off comes after them, and counts. */
function inTurn(request: () => Request = lightRequest): Pick<Case, 'requests' | 'drive'> {
  return {
    requests: IN_TURN,
    drive: async (served, requests) => {
      for (let i = 0; i < requests; i++) {
        const answer = served(request())
        if (answer instanceof Promise) await answer
      }
      await turn()
    },
  }
}

/** An error that tells that what is measured does not happen. */
export class NeverEnds extends Error {}

async function beforeGivenUp(ended: Promise<unknown>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const givenUp = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new NeverEnds()), GIVEN_UP_MS)
  })
  try {
    await Promise.race([ended, givenUp])
  } finally {
    clearTimeout(timer)
  }
}

/** However it ends. */
async function settle(answer: ReturnType<Served>): Promise<void> {
  try {
    await answer
  } catch {}
}

async function awaiting(): Promise<Response> {
  for (let i = 0; i < 3; i++) await undefined
  return response
}

async function failing(): Promise<Response> {
  await undefined
  throw new Error('No such article')
}

function streamed(): Response {
  let left = 16
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (left-- > 0) controller.enqueue(chunk)
      else controller.close()
    },
  })
  return new Response(body, { headers: { 'content-type': 'text/html' } })
}

/** Every failure is told whole, which is the most that it can cost. */
function reporting(): Reporter {
  return reporter({ hooks: [() => {}], dedupeMs: false, maxPerMinute: Number.POSITIVE_INFINITY })
}
