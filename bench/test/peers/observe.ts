import { IncomingMessage } from 'node:http'
import type { Answer, Peer, Question, Remark } from './expected.ts'
import { type Note, type PeerServer, type Reply, type Report, withPeer } from './peer-server.ts'

const LIMIT_MS = 100
/** On a machine that is busy the limit may be over before a handler has begun. */
const MOST_ATTEMPTS = 10

/** Long enough for a client to leave before it, on a machine that is busy, too. */
const CLIENT_LIMIT_MS = 1_500

interface Late {
  reply: Reply
  /** Nothing where the process ended of it. */
  after: { note: Note; report: Report } | undefined
}

/** Everything that a peer is seen to do. */
export interface Observed {
  slow: Promise<Late>
  callbackAnswer: Promise<Late>
  callbackHeader: Promise<Late>
  lateThrow: Promise<Late>
  signal: Promise<Late>
  upload: Promise<Late>
  bodyLate: Promise<Late>
  slowDocumented: Promise<Late>
  long: Promise<Reply>
  off: Promise<Reply>
  excepted: Promise<Reply>
  client: Promise<Note>
}

export function observe(peer: Peer): Observed {
  const client = withPeer(peer, CLIENT_LIMIT_MS, leave)
  const deadly = oneByOne(peer, ['/slow', '/callback-answer', '/callback-header', '/late-throw'])
  const together = withPeer(peer, LIMIT_MS, async (server) => {
    const get = (path: string) => late(server, path)
    const [upload, signal, bodyLate, slowDocumented, long, off, excepted] = await Promise.all([
      late(server, '/upload', 'POST'),
      get('/signal'),
      get('/body-late'),
      get('/slow-documented'),
      server.get('/long'),
      server.get('/off'),
      server.get('/excepted'),
    ])
    return { upload, signal, bodyLate, slowDocumented, long, off, excepted }
  })
  const pick = <Key extends keyof Awaited<typeof together>>(key: Key) => together.then((all) => all[key])
  const observed = {
    client,
    slow: deadly.then((all) => all['/slow']!),
    callbackAnswer: deadly.then((all) => all['/callback-answer']!),
    callbackHeader: deadly.then((all) => all['/callback-header']!),
    lateThrow: deadly.then((all) => all['/late-throw']!),
    signal: pick('signal'),
    upload: pick('upload'),
    bodyLate: pick('bodyLate'),
    slowDocumented: pick('slowDocumented'),
    long: pick('long'),
    off: pick('off'),
    excepted: pick('excepted'),
  }
  // Each test awaits what it is about; the others are not to fail the run as well.
  for (const part of Object.values<Promise<unknown>>(observed)) part.catch(() => {})
  return observed
}

/** One path after the other, each on a process that lives: a new one when the last request has ended it. */
async function oneByOne(peer: Peer, paths: string[]): Promise<Record<string, Late>> {
  const seen: Record<string, Late> = {}
  const left = [...paths]
  while (left.length > 0) {
    await withPeer(peer, LIMIT_MS, async (server) => {
      for (let lives = true; lives && left.length > 0; ) {
        const path = left.shift()!
        seen[path] = await late(server, path)
        lives = survives(seen[path]) !== false
      }
    })
  }
  return seen
}

async function late(server: PeerServer, path: string, method: 'GET' | 'POST' = 'GET'): Promise<Late> {
  const send = () => (method === 'GET' ? server.get(path) : server.post(path))
  let reply = await send()
  if (reply.status === 404) return { reply, after: undefined }
  for (let attempt = 1; attempt < MOST_ATTEMPTS; attempt++) {
    const seen = await server.report()
    if (!seen || seen.notes[path]?.started) break
    reply = await send()
  }
  await server.reach('ended', path)
  // What the handler does last has happened by the next turn, and a request takes more than one.
  await server.report()
  const report = await server.report()
  return { reply, after: report && { note: report.notes[path]!, report } }
}

async function leave(server: PeerServer): Promise<Note> {
  await server.leave('/client')
  const report = await server.reach('ended', '/client')
  return report!.notes['/client']!
}

/** How each question is answered. */
export const answers: Record<Question, (observed: Observed) => Promise<Answer>> = {
  onTime: async ({ slow }) => isOnTime(await slow),
  onTimeAfterBody: async ({ upload }) => isOnTime(await upload),
  signal: async ({ signal }) => (await signal).after?.note.signal?.aborted === true,
  async typedReason({ signal }) {
    const seen = (await signal).after?.note.signal
    return seen?.aborted === true && seen.isError && typeof seen.code === 'string'
  },
  async isolated({ slow }) {
    const seen = await slow
    const { headers } = seen.reply
    return isOnTime(seen) && headers['x-leak'] === undefined && headers['set-cookie'] === undefined
  },
  survivesAnswer: async ({ slow }) => survives(await slow),
  survivesCallbackAnswer: async ({ callbackAnswer }) => survives(await callbackAnswer),
  survivesCallbackHeader: async ({ callbackHeader }) => survives(await callbackHeader),
  survivesThrow: async ({ lateThrow }) => survives(await lateThrow),
  oneError: async ({ lateThrow }) => (await lateThrow).after!.note.errors <= 1,
  longer: async ({ long }) => isInTime(await long),
  off: async ({ off }) => isInTime(await off),
  async clientSignal({ client, signal }) {
    const left = (await client).signal
    const deadline = (await signal).after!.note.signal
    return left?.aborted === true && left.isError && !left.isNodes && left.code !== deadline?.code
  },
  clientRecorded: async ({ client }) => (await client).records.join() === 'client-closed',
  async bodyCancelled({ bodyLate }) {
    const { reply, after } = await bodyLate
    return reply.status === 404 ? 'n/a' : after!.note.cancelled
  },
  async counted({ slow }) {
    const { before, during, after } = (await slow).after!.report.numbers
    return Object.keys(during).some(
      (path) => (before[path] ?? 0) === 0 && during[path] === 1 && after[path] === 0,
    )
  },
}

/** How each remark under the table is shown to be so. */
export const remarksHold: Record<Remark, (observed: Record<Peer, Observed>) => Promise<boolean>> = {
  async documentedOnError({ 'hono-timeout': { slowDocumented } }) {
    const seen = await slowDocumented
    return isOnTime(seen) && seen.reply.headers['x-leak'] === undefined
  },
  except: async ({ 'hono-timeout': { excepted } }) => isInTime(await excepted),
  async nodeSignal(observed) {
    const peers = [observed['connect-timeout'], observed['express-timeout-handler'], observed.hapi]
    const signals = (await Promise.all(peers.map(({ client }) => client))).map(({ signal }) => signal)
    const hasSignal = 'signal' in IncomingMessage.prototype
    return signals.every((signal) =>
      hasSignal ? signal?.isNodes && signal.aborted && signal.isError : signal === null,
    )
  },
  async postSignal({ fastify: { upload } }) {
    const { reply, after } = await upload
    return reply.status === 200 && reply.body === 'late' && after!.note.signal!.aborted
  },
  async toolkitCookie({ hapi: { slow } }) {
    const { headers } = (await slow).reply
    return headers['set-cookie'] !== undefined && headers['x-leak'] === undefined
  },
}

function isOnTime({ reply, after }: Late): boolean {
  return [408, 503, 504].includes(reply.status) && after?.note.answeredBefore === true
}

function isInTime({ status, body }: Reply): boolean {
  return status === 200 && body === 'in time'
}

/** A framework without callbacks has no such route. */
function survives({ reply, after }: Late): Answer {
  return reply.status === 404 ? 'n/a' : after !== undefined
}
