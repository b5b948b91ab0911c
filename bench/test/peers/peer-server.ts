import { fork } from 'node:child_process'
import { once } from 'node:events'
import { type IncomingHttpHeaders, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Peer } from './expected.ts'

export interface Reply {
  status: number
  headers: IncomingHttpHeaders
  body: string
}

/** What a server noticed of the requests for one path. */
export interface Note {
  started: number
  ended: number
  /** Whether the client had had its answer before the handler ended. */
  answeredBefore: boolean | null
  errors: number
  records: string[]
  /** The signal that the handler was given, at its end. */
  signal: { aborted: boolean; isError: boolean; code?: unknown; isNodes: boolean } | null
  cancelled: boolean
}

export interface Report {
  notes: Record<string, Note>
  numbers: Record<'before' | 'during' | 'after', Record<string, number>>
}

export interface PeerServer {
  get(path: string): Promise<Reply>
  post(path: string): Promise<Reply>
  /** Sends a request, and leaves once its handler runs. */
  leave(path: string): Promise<void>
  /** What was noticed so far; nothing if the process has ended. */
  report(): Promise<Report | undefined>
  /** The same, once a handler of `path` has got that far. */
  reach(state: 'started' | 'ended', path: string): Promise<Report | undefined>
}

const PATIENCE_MS = 20_000
const MOST_AT_ONCE = 8

let running = 0
const waiting: (() => void)[] = []

/** Runs `work` against a process of its own, which has ended when this resolves. */
export async function withPeer<T>(
  peer: Peer,
  limitMs: number,
  work: (server: PeerServer) => Promise<T>,
): Promise<T> {
  if (running >= MOST_AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve))
  else running++
  try {
    return await withProcess(peer, limitMs, work)
  } finally {
    const next = waiting.shift()
    if (next) next()
    else running--
  }
}

async function withProcess<T>(
  peer: Peer,
  limitMs: number,
  work: (server: PeerServer) => Promise<T>,
): Promise<T> {
  const child = fork(new URL(`${peer}.js`, import.meta.url), {
    execArgv: [],
    env: { ...process.env, NODE_ENV: 'production', NODE_OPTIONS: '', LIMIT_MS: String(limitMs) },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  let stderr = ''
  child.stderr?.setEncoding('utf8').on('data', (text) => {
    stderr += text
  })
  let hasEnded = false
  const ended = once(child, 'exit').then(() => {
    hasEnded = true
  })
  try {
    const port = await Promise.race([once(child, 'message').then(([port]) => port), ended])
    if (port === undefined) throw new Error(`${peer} did not start: ${stderr}`)
    return await work(connectTo(port, async () => hasEnded || (await soon(ended))))
  } finally {
    child.kill('SIGKILL')
    await ended
  }
}

/** @param ended whether the process has ended, or is about to */
function connectTo(port: number, ended: () => Promise<boolean>): PeerServer {
  async function report(): Promise<Report | undefined> {
    try {
      const { status, body } = await send(port, 'GET', '/report')
      // The limit holds for this as well, and on a machine that is busy it may strike.
      return status === 200 ? JSON.parse(body) : await report()
    } catch (error) {
      if (await ended()) return undefined
      throw error
    }
  }

  async function reach(state: 'started' | 'ended', path: string): Promise<Report | undefined> {
    const until = performance.now() + PATIENCE_MS
    for (;;) {
      const seen = await report()
      if (!seen || seen.notes[path]?.[state]) return seen
      if (performance.now() > until) throw new Error(`waited in vain: ${path} has not ${state}`)
      await sleep(20)
    }
  }

  return {
    get: (path) => send(port, 'GET', path),
    post: (path) => send(port, 'POST', path, '{"name":"value"}'),
    report,
    reach,
    async leave(path) {
      const outgoing = request({ host: '127.0.0.1', port, path, agent: false })
      outgoing.on('error', () => {})
      outgoing.end()
      await reach('started', path)
      outgoing.destroy()
    },
  }
}

/** One request on a connection of its own. */
function send(port: number, method: string, path: string, body?: string): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'content-type': 'application/json' }
    const outgoing = request({ host: '127.0.0.1', port, method, path, headers, agent: false }, (incoming) => {
      let text = ''
      incoming.setEncoding('utf8')
      incoming.on('data', (piece) => {
        text += piece
      })
      incoming.on('end', () =>
        resolve({ status: incoming.statusCode!, headers: incoming.headers, body: text }),
      )
      incoming.on('error', reject)
    })
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

/** A process that breaks its connections off is about to end; this is how long it may take. */
function soon(ended: Promise<void>): Promise<boolean> {
  return Promise.race([ended.then(() => true), sleep(5_000, false, { ref: false })])
}
