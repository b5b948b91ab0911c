import { setTimeout as sleep } from 'node:timers/promises'
import { type FireReport, reporter } from '@curfew/core/report'
import { serve } from '@curfew/node'

const REQUESTS = 200

const hooks: Record<string, FireReport | undefined> = {
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

/** A handler that reads a body and throws, over a real socket: how long the client waits, and how long the hook takes. */
async function measure(fire: FireReport | undefined): Promise<{ reply: number; hook: number | undefined }> {
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
  for (let i = 0; i < REQUESTS; i++) {
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
  return { reply: median(replies)!, hook: median(took) }
}

function median(values: number[]): number | undefined {
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)]
}

function inMs(ms: number | undefined): string {
  return ms === undefined ? '-' : `${ms.toFixed(2)} ms`
}

await measure(undefined)
for (const [name, fire] of Object.entries(hooks)) {
  const { reply, hook } = await measure(fire)
  console.log(`${name.padEnd(30)} reply ${inMs(reply).padStart(8)}   hook ${inMs(hook)}`)
}
process.exit()
