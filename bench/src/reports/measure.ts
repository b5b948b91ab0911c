import { setTimeout as sleep } from 'node:timers/promises'
import { type FireReport, reporter } from '@curfew/core/report'
import { serve } from '@curfew/node'
import { done, given } from '../child.ts'
import { quantile } from '../numbers.ts'

export interface ReportArgs {
  readonly hook: HookName
  readonly requests: number
}

/** Medians, in milliseconds: until the client has its reply, and until the hook is done. */
export interface ReportRun {
  readonly replyMs: number
  readonly hookMs: number | null
}

export type HookName =
  | 'no reporter'
  | 'a hook that is done at once'
  | 'a hook that takes 700 ms'
  | 'a hook that throws'
  | 'a hook that never settles'

const hooks: Record<HookName, FireReport | undefined> = {
  'no reporter': undefined,
  'a hook that is done at once': () => {},
  'a hook that takes 700 ms': () => sleep(700),
  'a hook that throws': () => {
    throw new Error('hook')
  },
  'a hook that never settles': () => new Promise(() => {}),
}

// What becomes of the failures of hooks is not what is measured.
console.error = () => {}

const { hook, requests } = given<ReportArgs>()
await measure(undefined, requests / 2)
done(await measure(hooks[hook], requests))

/** A handler that reads a body and throws, over a real socket, one request after the other, all told whole. */
async function measure(fire: FireReport | undefined, count: number): Promise<ReportRun> {
  const took: number[] = []
  const timed: FireReport = async (report, context) => {
    const start = performance.now()
    await fire?.(report, context)
    took.push(performance.now() - start)
  }
  const reports =
    fire && reporter({ hooks: [timed], dedupeMs: false, maxPerMinute: Number.POSITIVE_INFINITY })
  const server = serve({
    fetch: async (request) => {
      throw new Error(`No such article: ${JSON.stringify(await request.json())}`)
    },
    port: 0,
    hostname: '127.0.0.1',
    timeoutMs: 1_000,
    ...(reports && { reporter: reports }),
  })
  const { port } = await server.listening
  const replies: number[] = []
  for (let i = 0; i < count; i++) {
    const start = performance.now()
    const reply = await fetch(`http://127.0.0.1:${port}/orders?page=1`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"sku":"A-1","quantity":2}',
    })
    await reply.arrayBuffer()
    replies.push(performance.now() - start)
  }
  await reports?.flush({ timeoutMs: 1_000 })
  await server.close({ graceMs: 0 })
  return { replyMs: median(replies), hookMs: took.length > 0 ? median(took) : null }
}

function median(values: number[]): number {
  return quantile(
    values.sort((a, b) => a - b),
    0.5,
  )
}
