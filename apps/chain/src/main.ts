import { headers, type Told } from './service.ts'
import { type Service, startService } from './start-service.ts'
import { Story } from './story.ts'

/** Who asks whom, from the first to the last. */
const chain = [
  ['front (Node)', 'Node'],
  ['middle (Bun)', 'Bun'],
  ['last (Deno)', 'Deno'],
] as const
const LIMIT_MS = 500
const LEAVES_AFTER_MS = 100
/** The last service works for ten seconds, so who has not stopped after two has not been told. */
const PATIENCE_MS = 2_000

let story = new Story()
const services: Service[] = []
let next: string | undefined
for (const [name, runtime] of chain.toReversed()) {
  const environment = { NAME: name, LIMIT_MS: String(LIMIT_MS), ...(next && { NEXT: next }) }
  const service = await startService(runtime, environment, (told) => story.add(told))
  services.push(service)
  next = service.url
}
const front = next!

for (const header of headers) {
  // The first request of a process takes longer than all others, for it compiles.
  await tellStory(undefined, header, LIMIT_MS)
  await tellStory(`The front gives up after ${LIMIT_MS} ms; ${header}`, header)
  await tellStory(`Its client leaves after ${LEAVES_AFTER_MS} ms; ${header}`, header, LEAVES_AFTER_MS)
}
await Promise.all(services.map((service) => service.stop()))

async function tellStory(title: string | undefined, header: string, leaveAfterMs?: number): Promise<void> {
  const own = new Story()
  story = own
  const client = (event: Told['event'], what: string): void => {
    own.add({ service: 'client', at: Date.now(), event, what })
  }
  const leaving = new AbortController()
  const leave = (): void => {
    client('leaves', 'without its answer')
    leaving.abort()
  }
  client('begins', `GET /${header}`)
  const timer = leaveAfterMs === undefined ? undefined : setTimeout(leave, leaveAfterMs)
  // It stops, too, either way.
  const all = own.stopped(chain.length + 1, PATIENCE_MS)
  try {
    const response = await fetch(`${front}${header}`, { signal: leaving.signal })
    client('stops', `gets ${response.status} ${await response.text()}`.trim())
  } catch {
    client('stops', 'is gone')
  }
  clearTimeout(timer)
  if (!(await all)) {
    process.exitCode = 1
    client('stops', `Not all have stopped within ${PATIENCE_MS} ms`)
  }
  if (title !== undefined) console.log(`\n${title}\n${own}`)
}
