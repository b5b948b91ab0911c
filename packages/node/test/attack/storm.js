// Says on stdout what is left of many requests that end badly. Run with --expose-gc.
import { Agent, createServer, get } from 'node:http'
import { contain, guardListener } from '@curfew/node'

const containment = contain()
const trap = () => {
  throw new Error('trap')
}
const values = [
  null,
  undefined,
  'text',
  Object.freeze(new Error('frozen')),
  new Proxy({}, { get: trap, has: trap, getPrototypeOf: trap }),
]
const outcomes = {}
const listeners = new Set()

const listener = guardListener(
  ({ url }, response) => {
    const [, way, number] = url.split('/')
    if (way === 'escape') {
      setImmediate(() => {
        throw values[number % values.length]
      })
    } else if (way === 'answer') response.end('fine')
  },
  {
    timeoutMs: 5,
    onOutcome(outcome) {
      outcomes[outcome.kind] = (outcomes[outcome.kind] ?? 0) + 1
    },
  },
)
const server = createServer((request, response) => {
  const { socket } = request
  const names = ['close', 'error', 'drain', 'timeout', 'data', 'end', 'finish']
  listeners.add(names.map((name) => socket.listenerCount(name)).join())
  listener(request, response)
})
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
const agent = new Agent({ keepAlive: true, maxSockets: 50 })

function status(path) {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port: server.address().port, agent, path }, (response) => {
      response.resume()
      response.on('end', () => resolve(response.statusCode))
    }).on('error', reject)
  })
}

async function statuses(way, count) {
  const seen = {}
  let next = 0
  const client = async () => {
    for (let i = next++; i < count; i = next++) {
      const code = await status(`/${way}/${i}`)
      seen[code] = (seen[code] ?? 0) + 1
    }
  }
  await Promise.all(Array.from({ length: 50 }, client))
  return seen
}

async function heapMb() {
  for (let i = 0; i < 4; i++) {
    globalThis.gc()
    await new Promise((resolve) => setImmediate(resolve))
  }
  return process.memoryUsage().heapUsed / 1e6
}

const escaped = await statuses('escape', 1_000)
await statuses('never', 1_000)
const before = await heapMb()
const late = await statuses('never', 4_000)
const grownMb = (await heapMb()) - before
const answered = await statuses('answer', 1_000)
// Hooks are called a moment after the client has its response.
while (Object.values(outcomes).reduce((sum, count) => sum + count) < 7_000) {
  await new Promise((resolve) => setImmediate(resolve))
}
const connections = await new Promise((resolve) => server.getConnections((_, count) => resolve(count)))
const { active } = listener.stats
const { charged, unclaimed } = containment.stats
const report = { escaped, late, answered, outcomes, grownMb, connections, active, charged, unclaimed }
console.log(JSON.stringify({ ...report, listeners: listeners.size }))
process.exit()
