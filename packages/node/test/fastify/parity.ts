import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Head, http2Client, type RawClient, rawClient } from '@curfew/conformance'
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import { onTestFinished } from 'vitest'
import { type CurfewOptions, curfew } from '../../src/fastify.ts'
import { guardListener } from '../../src/guard-listener.ts'
import { essence } from './support.ts'

export interface Asked {
  readonly method?: string
  readonly path?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Buffer
}

/** An app, and what it is asked over one connection, in this order. */
export interface Case {
  readonly app: (app: FastifyInstance, note: (what: string) => void) => unknown
  /** What the app has before the guard. */
  readonly before?: (app: FastifyInstance) => unknown
  readonly asked: readonly Asked[]
  readonly options?: FastifyServerOptions
  /** Only over HTTP/1.1: HTTP/2 knows nothing of it. */
  readonly http1?: boolean
  /** What differs from run to run: replaced by a star. */
  readonly varying?: RegExp
}

export type Mode = 'bare' | 'plugin' | 'listener'
export type Wire = 'http/1.1' | 'http/2'

/** What a client and a log saw of a case. */
export interface Seen {
  readonly answers: readonly unknown[]
  readonly notes: readonly string[]
  readonly log: readonly string[]
}

export async function run(parity: Case, mode: Mode, wire: Wire): Promise<Seen> {
  const notes: string[] = []
  const log: string[] = []
  const app = await start(parity, mode, wire, notes, log)
  const { port } = app.server.address() as AddressInfo
  const answers =
    wire === 'http/1.1' ? await askHttp1(parity.asked, port) : await askHttp2(parity.asked, port)
  // Hooks and log lines of the last request come after its response.
  await app.close()
  await new Promise(setImmediate)
  const { varying } = parity
  const steady = (text: string): string => (varying ? text.replace(varying, '*') : text)
  return { answers: JSON.parse(steady(JSON.stringify(answers))), notes, log: log.map(steady) }
}

async function start(
  parity: Case,
  mode: Mode,
  wire: Wire,
  notes: string[],
  log: string[],
): Promise<FastifyInstance> {
  const options = {
    ...(wire === 'http/2' && { http2: true }),
    ...(mode === 'listener' && { serverFactory: guardedServer }),
    logger: { level: 'info', stream: { write: (line: string) => log.push(essence(line)) } },
    forceCloseConnections: true,
    ...parity.options,
  }
  const app = Fastify(options as never) as unknown as FastifyInstance
  onTestFinished(async () => void (await app.close()))
  await parity.before?.(app)
  if (mode === 'plugin') await app.register(curfew, limits)
  await parity.app(app, (what) => void notes.push(what))
  await app.listen({ port: 0, host: '127.0.0.1' })
  log.length = 0
  return app
}

const limits: CurfewOptions = { timeoutMs: 20_000 }

function guardedServer(handler: RequestListener, { keepAliveTimeout }: { keepAliveTimeout: number }) {
  const server = createServer(guardListener(handler as never, limits) as never)
  server.keepAliveTimeout = keepAliveTimeout
  return server
}

async function askHttp1(asked: readonly Asked[], port: number): Promise<unknown[]> {
  const answers: unknown[] = []
  let client: RawClient | undefined
  let isClosed = false
  for (const each of asked) {
    if (!client || isClosed) {
      isClosed = false
      client = await rawClient({ host: '127.0.0.1', port })
      onTestFinished(client.destroy)
      void client.closed.then(() => {
        isClosed = true
      })
    }
    const method = each.method ?? 'GET'
    await client.send(requestOf(each))
    try {
      const { status, reason, rawHeaders, body, complete, informational } = await client.response({ method })
      const headers = rawHeaders.filter(([name]) => name.toLowerCase() !== 'date')
      answers.push({
        status,
        reason,
        headers,
        body: shown(body),
        complete,
        informational: informational.map(bare),
      })
    } catch (error) {
      answers.push(String(error))
      isClosed = true
    }
    if (answers.at(-1) && JSON.stringify(answers.at(-1)).includes('"close"')) await client.closed
    // A half response closes its connection, which another turn of the loop sees.
    await new Promise(setImmediate)
  }
  return answers
}

function bare({ status, reason, rawHeaders }: Head): unknown {
  return { status, reason, rawHeaders }
}

export function requestOf({ method = 'GET', path = '/', headers = {}, body }: Asked): Buffer {
  const lines = [`${method} ${path} HTTP/1.1`, 'host: app.test']
  for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`)
  if (body !== undefined && !('content-length' in headers) && !('transfer-encoding' in headers))
    lines.push(`content-length: ${Buffer.byteLength(body)}`)
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), Buffer.from(body ?? '')])
}

async function askHttp2(asked: readonly Asked[], port: number): Promise<unknown[]> {
  const client = await http2Client(`http://127.0.0.1:${port}`)
  onTestFinished(client.destroy)
  const answers: unknown[] = []
  for (const { method = 'GET', path = '/', headers = {}, body } of asked) {
    const stream = client.request({ method, path, headers, ...(body !== undefined && { body }) })
    const answer: Record<string, unknown> = {}
    const pieces: Buffer[] = []
    stream.on('response', ({ date, ...head }) => {
      answer.head = head
    })
    stream.on('trailers', (trailers) => {
      answer.trailers = trailers
    })
    stream.on('data', (piece) => pieces.push(piece))
    stream.on('error', (error: NodeJS.ErrnoException) => {
      answer.error = error.code
    })
    await new Promise<void>((resolve) => stream.once('close', resolve))
    answers.push({ ...answer, code: stream.rstCode, body: shown(Buffer.concat(pieces)) })
  }
  await client.close()
  return answers
}

/** Long bodies by their length and a sum: a diff of them helps nobody. */
function shown(body: Buffer): string {
  if (body.length <= 4_096) return body.toString('latin1')
  let sum = 0
  for (const byte of body) sum = (sum * 31 + byte) >>> 0
  return `${body.length} bytes, ${sum}`
}

/** All that comes back when everything is asked at once: trailers, chunks and the order of answers show, too. */
export async function pipelined(parity: Case, mode: Mode): Promise<string> {
  const app = await start(parity, mode, 'http/1.1', [], [])
  const { port } = app.server.address() as AddressInfo
  const client = await rawClient({ host: '127.0.0.1', port })
  onTestFinished(client.destroy)
  const last = { path: '/is/the/last', headers: { connection: 'close' } }
  await client.send(Buffer.concat([...parity.asked, last].map(requestOf)))
  const bytes = (await client.rest()).toString('latin1').replace(/^date: .*$/gim, 'date: *')
  await app.close()
  return parity.varying ? bytes.replace(parity.varying, '*') : bytes
}
