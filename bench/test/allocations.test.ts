import { setTimeout as sleep } from 'node:timers/promises'
import { type GuardOptions, guard } from '@curfew/core'
import { describe, expect, test } from 'vitest'
import { garbageCollector } from '../../packages/core/test/garbage-collector.ts'
import { allocatedBytes, type Collect, heapUsed } from '../src/heap.ts'
import { leavableRequest, lightRequest } from '../src/light-request.ts'

// Bytes, for they are the same however busy the machine is, and what makes a request slow (closures, promises,
// controllers, listeners) is allocated; times are in `npm run bench`. There is room for other versions of V8, and for not
// much more.
const SYNCHRONOUS = 430
const ASYNCHRONOUS = 1_000
const HELD = 1_250

type Handler = () => Response | Promise<Response>

const REQUESTS = 500
const BATCHES = 41
/** So many that V8 has compiled what it wants to. */
const WARM_UP = 100
const PENDING = 20_000

const response = new Response('hi')
const settled = Promise.resolve(response)
const collect = (await garbageCollector()) as Collect

const handlers = {
  synchronous: () => response,
  asynchronous: async () => await settled,
  resolved: () => settled,
}

function requests(
  served: (request: Request) => Response | Promise<Response>,
  request: () => Request,
): () => Promise<void> {
  return async () => {
    for (let i = 0; i < REQUESTS; i++) {
      const answer = served(request())
      if (answer instanceof Promise) await answer
    }
  }
}

/** Bytes that a guard allocates for a request, those of the handler and of the request not counted. */
async function guardBytes(
  handler: Handler,
  options: GuardOptions = {},
  request: () => Request = lightRequest,
): Promise<number> {
  const bytes: number[] = []
  for (const served of [guard(handler, { timeoutMs: 60_000, ...options }), handler]) {
    const work = requests(served, request)
    for (let batch = 0; batch < WARM_UP; batch++) await work()
    bytes.push((await allocatedBytes(work, collect, BATCHES)) / REQUESTS)
  }
  return bytes[0]! - bytes[1]!
}

/** Bytes that are left once what was put off has been done, and all garbage is gone. */
async function heldBytes(): Promise<number> {
  await sleep(20)
  for (let i = 0; i < 3; i++) {
    collect()
    await sleep()
  }
  return heapUsed()
}

/** Bytes for each request: while its handler has not settled, and once it has. */
async function heldByPending() {
  const waiting: (() => void)[] = []
  const guarded = guard(() => new Promise((resolve) => void waiting.push(() => resolve(response))), {
    timeoutMs: 60_000,
  })
  const start = await heldBytes()
  const answers = Array.from({ length: PENDING }, () => guarded(lightRequest()))
  const during = await heldBytes()
  for (const settle of waiting.splice(0)) settle()
  await Promise.all(answers)
  answers.length = 0
  const afterwards = await heldBytes()
  return { during: (during - start) / PENDING, afterwards: (afterwards - start) / PENDING }
}

describe('a guard', () => {
  test('allocates little for a synchronous response', async () => {
    expect(await guardBytes(handlers.synchronous)).toBeLessThan(SYNCHRONOUS)
  })

  test('allocates little for an asynchronous one, and does not follow a client that nobody asked for', async () => {
    expect(await guardBytes(handlers.asynchronous, {}, leavableRequest)).toBeLessThan(ASYNCHRONOUS)
  })

  test('allocates as little where each request is gone before its timer could have been set', async () => {
    expect(await guardBytes(handlers.resolved)).toBeLessThan(ASYNCHRONOUS)
  })

  test('holds little while a handler is pending, and nothing afterwards', async () => {
    // What is loaded and compiled for the first requests is not theirs.
    await heldByPending()
    const { during, afterwards } = await heldByPending()
    expect(during).toBeLessThan(HELD)
    expect(afterwards).toBeLessThan(HELD / 20)
  })
})

describe('these limits', () => {
  test('are passed by a synchronous request about which somebody is told', async () => {
    expect(await guardBytes(handlers.synchronous, { onOutcome: () => {} })).toBeGreaterThan(SYNCHRONOUS)
  })

  test('are passed by an asynchronous one whose client is followed at once', async () => {
    expect(await guardBytes(handlers.asynchronous, { watch: 'eager' }, leavableRequest)).toBeGreaterThan(
      ASYNCHRONOUS,
    )
  })
})
