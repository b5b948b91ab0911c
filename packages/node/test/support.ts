import {
  Agent,
  createServer,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http'
import {
  type ClientHttp2Session,
  connect as connectHttp2,
  constants,
  createServer as createHttp2Server,
  createSecureServer,
} from 'node:http2'
import { createServer as createHttpsServer, Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { selfSigned } from '@curfew/conformance'
import type { LateSettlement, Outcome, Stats } from '@curfew/core'
import { onTestFinished, vi } from 'vitest'
import { deferred, never, raise } from '../../core/test/support.ts'
import {
  type CurfewServer,
  type FetchHandler,
  guardListener,
  type ListenerHandler,
  type ServeOptions,
  serve,
  type WritingGuardOptions,
} from '../src/index.ts'

export { deferred, never, raise }

export type Protocol = 'http' | 'https' | 'h2c' | 'h2'

export const protocols: readonly Protocol[] = ['http', 'https', 'h2c', 'h2']

const certificate = selfSigned()

/** What makes `serve()` speak this protocol. */
export function speaking(protocol: Protocol): Pick<ServeOptions, 'createServer' | 'serverOptions'> {
  if (protocol === 'http') return { createServer }
  if (protocol === 'h2c') return { createServer: createHttp2Server }
  const secure = protocol === 'https' ? createHttpsServer : createSecureServer
  return { createServer: secure, serverOptions: certificate }
}

export interface Started {
  readonly server: CurfewServer
  readonly port: number
  /** How requests ended, in order; `reached(n)` waits for the first n. */
  readonly outcomes: Journal<Outcome>
  readonly late: Journal<LateSettlement>
}

/** A guarded server on a free port, closed when the test is over. */
export function start(
  fetch: FetchHandler,
  { protocol = 'http', ...options }: Partial<ServeOptions> & { protocol?: Protocol } = {},
): Promise<Started> {
  const outcomes = new Journal<Outcome>()
  const late = new Journal<LateSettlement>()
  const onOutcome = (outcome: Outcome) => outcomes.add(outcome)
  const onLateSettlement = (settlement: LateSettlement) => late.add(settlement)
  return listen({ ...speaking(protocol), onOutcome, onLateSettlement, ...options, fetch }, outcomes, late)
}

/** The same without any option of a guard. */
export function startUnguarded(
  fetch: FetchHandler,
  { protocol = 'http' }: { protocol?: Protocol } = {},
): Promise<Started> {
  return listen({ ...speaking(protocol), fetch })
}

/** A server that somebody made, on a free port. */
export interface StartedListener {
  readonly port: number
  readonly outcomes: Journal<Outcome>
  readonly late: Journal<LateSettlement>
  readonly stats: Stats
}

/** A guarded listener on a free port. */
export async function startListener(
  handler: ListenerHandler<IncomingMessage, ServerResponse>,
  { protocol = 'http', ...options }: WritingGuardOptions & { protocol?: Protocol } = {},
): Promise<StartedListener> {
  const outcomes = new Journal<Outcome>()
  const late = new Journal<LateSettlement>()
  const listener = guardListener(handler, {
    onOutcome: (outcome) => outcomes.add(outcome),
    onLateSettlement: (settlement) => late.add(settlement),
    ...options,
  })
  return { port: await listening(listener, protocol), outcomes, late, stats: listener.stats }
}

/** A server of Node's own around a listener, on a free port, closed when the test is over. */
export async function listening(
  listener: (request: IncomingMessage, response: ServerResponse) => void,
  protocol: Protocol = 'http',
): Promise<number> {
  const { createServer: create, serverOptions } = speaking(protocol)
  const server = (create as typeof createServer)({ ...serverOptions } as object, listener)
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    const closed = new Promise((resolve) => server.close(resolve))
    for (const socket of sockets) socket.destroy()
    await closed
  })
  return (server.address() as AddressInfo).port
}

async function listen(
  options: ServeOptions,
  outcomes: Journal<Outcome> = new Journal<Outcome>(),
  late: Journal<LateSettlement> = new Journal<LateSettlement>(),
): Promise<Started> {
  const server = serve({ hostname: '127.0.0.1', port: 0, ...options })
  onTestFinished(() => void server.close({ graceMs: 0 }))
  const { port } = await server.listening
  return { server, port, outcomes, late }
}

/** What has happened, in order. */
export class Journal<T> {
  readonly all: T[] = []
  private readonly waiting = new Set<() => void>()

  add(entry: T): void {
    this.all.push(entry)
    for (const look of [...this.waiting]) look()
  }

  /** All entries, once there are so many. */
  reached(count: number): Promise<T[]> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (this.all.length < count) return
        this.waiting.delete(look)
        resolve(this.all)
      }
      this.waiting.add(look)
      look()
    })
  }

  /** The first entry. */
  async first(): Promise<T> {
    const [first] = await this.reached(1)
    return first!
  }
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
  /** Why the response did not come to its own end: an error code, or an HTTP/2 one. */
  readonly broken: string | undefined
}

/** One request under way. */
export interface Call {
  /** Resolves when the first bytes of the body are there. */
  readonly begun: Promise<void>
  /** The whole response, or what there was of it; rejects when not even a head has come. */
  readonly answer: Promise<Answer>
  /** Sends a part of the body, or its end. */
  write(text: string): void
  end(text?: string): void
  /** Leaves without waiting for the response. */
  leave(): void
  pause(): void
  resume(): void
}

interface CallOptions {
  method?: string
  path?: string
  headers?: Record<string, string>
  /** Whole body; a POST without one is left open. */
  body?: string
  session?: ClientHttp2Session
  agent?: Agent
}

/** Sends a request; the test closes its connection. */
export function call(protocol: Protocol, port: number, options: CallOptions = {}): Call {
  if (protocol === 'http' || protocol === 'https') return call1(protocol, port, options)
  return call2(options.session ?? session(protocol, port), options)
}

/** A request without a body, and its answer. */
export function fetched(protocol: Protocol, port: number, options: CallOptions = {}): Promise<Answer> {
  return call(protocol, port, options).answer
}

/** An HTTP/2 connection, for requests that share one. */
export function session(protocol: Protocol, port: number): ClientHttp2Session {
  const scheme = protocol === 'h2' ? 'https' : 'http'
  const made = connectHttp2(`${scheme}://127.0.0.1:${port}`, { rejectUnauthorized: false })
  made.on('error', () => {})
  onTestFinished(() => made.destroy())
  return made
}

/** One HTTP/1.1 connection at a time, kept alive for the next request. */
export function keptAlive(protocol: Protocol): Agent {
  const agent = new (protocol === 'https' ? HttpsAgent : Agent)({ keepAlive: true, maxSockets: 1 })
  onTestFinished(() => agent.destroy())
  return agent
}

function call1(
  protocol: Protocol,
  port: number,
  { method = 'GET', path = '/', headers, body, agent }: CallOptions,
): Call {
  const send = protocol === 'https' ? httpsRequest : httpRequest
  const request = send({
    host: '127.0.0.1',
    port,
    method,
    path,
    headers: { ...headers },
    agent: agent ?? false,
    rejectUnauthorized: false,
  })
  onTestFinished(() => void request.destroy())
  const begun = deferred<void>()
  const answer = deferred<Answer>()
  let incoming: { pause(): unknown; resume(): unknown } | undefined
  // Once there is a head, what breaks is the response.
  request.on('error', (error) => {
    if (!incoming) answer.reject(error)
  })
  request.on('response', (response) => {
    incoming = response
    let text = ''
    let broken: string | undefined
    response.setEncoding('latin1')
    response.on('data', (chunk: string) => {
      text += chunk
      begun.resolve()
    })
    response.on('error', (error: NodeJS.ErrnoException) => {
      broken = error.code
    })
    response.on('close', () => {
      if (!response.complete) broken ??= 'INCOMPLETE'
      answer.resolve({ status: response.statusCode!, headers: response.headers, body: text, broken })
    })
  })
  if (method !== 'POST' || body !== undefined) request.end(body)
  else request.flushHeaders()
  answer.promise.catch(() => {})
  return {
    begun: begun.promise,
    answer: answer.promise,
    write: (part) => void request.write(part),
    end: (part) => void request.end(part),
    leave: () => void request.destroy(),
    pause: () => void incoming?.pause(),
    resume: () => void incoming?.resume(),
  }
}

function call2(client: ClientHttp2Session, { method = 'GET', path = '/', headers, body }: CallOptions): Call {
  const stream = client.request(
    { ':method': method, ':path': path, ...headers },
    { endStream: method !== 'POST' },
  )
  const begun = deferred<void>()
  const answer = deferred<Answer>()
  let head: { status: number; headers: IncomingHttpHeaders } | undefined
  let text = ''
  let ended = false
  stream.setEncoding('latin1')
  stream.on('response', (own) => {
    head = { status: own[':status']!, headers: own as IncomingHttpHeaders }
  })
  stream.on('data', (chunk: string) => {
    text += chunk
    begun.resolve()
  })
  stream.on('end', () => {
    ended = true
  })
  stream.on('error', () => {})
  stream.on('close', () => {
    const broken = stream.rstCode ? `RST ${stream.rstCode}` : ended ? undefined : 'INCOMPLETE'
    if (head) answer.resolve({ ...head, body: text, broken })
    else answer.reject(new Error(`Stream closed without a response: ${broken}`))
  })
  if (method === 'POST' && body !== undefined) stream.end(body)
  answer.promise.catch(() => {})
  return {
    begun: begun.promise,
    answer: answer.promise,
    write: (part) => void stream.write(part),
    end: (part) => void stream.end(part),
    leave: () => stream.close(constants.NGHTTP2_CANCEL),
    pause: () => void stream.pause(),
    resume: () => void stream.resume(),
  }
}

/** What goes to the console, and what nobody catches, while the test runs. */
export function watchOutput(): unknown[][] {
  const output: unknown[][] = []
  for (const method of ['error', 'warn', 'info', 'log', 'debug'] as const) {
    const spy = vi.spyOn(console, method).mockImplementation((...args: unknown[]) => {
      output.push([method, ...args])
    })
    onTestFinished(() => spy.mockRestore())
  }
  for (const event of ['unhandledRejection', 'uncaughtException', 'warning'] as const) {
    const listener = (reason: unknown) => void output.push([event, reason])
    process.on(event as 'warning', listener)
    onTestFinished(() => void process.off(event, listener))
  }
  return output
}

/** What a promise comes to, or an error if that takes long: for what must not wait for a longer limit. */
export async function soon<T>(promise: Promise<T>, ms = 5_000): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Nothing came within ${ms} ms`)), ms)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

/** The reason of the signal, once it aborts. */
export function aborted(signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(signal.reason)
    else signal.addEventListener('abort', () => resolve(signal.reason))
  })
}

/** What a promise rejects with. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise
  } catch (error) {
    return error
  }
  throw new Error('It did not reject')
}

/** A body that the test writes while it is read. */
export function source() {
  let controller!: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>
  const cancelled = deferred<unknown>()
  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start(own) {
      controller = own
    },
    cancel: (reason) => cancelled.resolve(reason),
  })
  return {
    stream,
    /** The reason it was cancelled for. */
    cancelled: cancelled.promise,
    write: (text: string) => controller.enqueue(Buffer.from(text)),
    end: () => controller.close(),
    fail: (error: unknown) => controller.error(error),
  }
}

/** A body without end that counts how much of it was asked for. It never keeps the event loop to itself. */
export function endless(chunk = 'x'.repeat(64 * 1024)) {
  const bytes = Buffer.from(chunk)
  const cancelled = deferred<unknown>()
  const pulled = { chunks: 0, bytes: 0 }
  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      async pull(controller) {
        await new Promise((resolve) => setImmediate(resolve))
        pulled.chunks++
        pulled.bytes += bytes.length
        controller.enqueue(bytes)
      },
      cancel: (reason) => cancelled.resolve(reason),
    },
    { highWaterMark: 0 },
  )
  return { stream, pulled, cancelled: cancelled.promise }
}
