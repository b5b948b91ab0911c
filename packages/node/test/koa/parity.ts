import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createHttp2Server, type Http2Server } from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import { http2Client, rawClient } from '@curfew/conformance'
import Koa from 'koa'
import { onTestFinished } from 'vitest'
import { guardListener } from '../../src/guard-listener.ts'
import { curfew } from '../../src/koa.ts'

/** One request of a trial: a path, or more of it. */
export type Ask =
  | string
  | {
      readonly path: string
      readonly method?: string
      readonly headers?: Readonly<Record<string, string>>
      readonly body?: string
      /** Where bare Node has its own trouble with it over HTTP/2. */
      readonly onlyHttp1?: boolean
    }

/** An app, and what it is asked, one after the other over one connection. */
export interface Trial {
  /** `note` keeps what clients cannot see: what listeners are told, and in which order. */
  app(app: Koa, note: (what: string) => void): void
  readonly asks: readonly Ask[]
  /** The status of each answer, so that nothing is the same for the wrong reason; `undefined` where there is none. */
  readonly statuses: readonly (number | undefined)[]
  /** Cookies are carried from each response to the next request. */
  readonly carriesCookies?: boolean
  /** What HTTP/2 has no words for: status messages, connections that end. */
  readonly onlyHttp1?: boolean
}

/** What there is to compare. */
export interface Result {
  readonly answers: readonly Answer[]
  readonly notes: readonly string[]
}

export interface Answer {
  readonly status?: number
  readonly reason?: string
  readonly headers?: readonly (readonly [name: string, value: string])[]
  readonly body?: string
  readonly complete?: boolean
  /** Why there is none. */
  readonly broken?: string
}

export type Protocol = 'http' | 'h2c'

/** A way to run an app: bare, or guarded in one way or another. */
export type Guarding = (app: Koa) => RequestListener

export const guardings = {
  'curfew()': (app) => {
    // Nothing that the app uses may be outside.
    app.middleware.unshift(curfew({ timeoutMs: 20_000 }) as never)
    return app.callback()
  },
  'guardListener(app.callback())': (app) => guardListener(app.callback(), { timeoutMs: 20_000 }),
  'both of them': (app) => {
    app.middleware.unshift(curfew({ timeoutMs: 20_000 }) as never)
    return guardListener(app.callback())
  },
} satisfies Record<string, Guarding>

export const bare: Guarding = (app) => app.callback()

/** The statuses that a trial is to show over a protocol. */
export function statusesOf({ asks, statuses }: Trial, protocol: Protocol): (number | undefined)[] {
  return statuses.filter((_, index) => {
    const ask = asks[index]
    return protocol === 'http' || typeof ask !== 'object' || !ask.onlyHttp1
  })
}

/** Runs a trial in one way. */
export async function run(trial: Trial, guarding: Guarding, protocol: Protocol): Promise<Result> {
  const notes: string[] = []
  const app = new Koa()
  app.on('error', (error: Error & { headerSent?: boolean }) =>
    notes.push(`error: ${error.message}${error.headerSent ? ', head sent' : ''}`),
  )
  trial.app(app, (what) => notes.push(what))
  const { port, close } = await listen(guarding(app), protocol)
  const ask = protocol === 'http' ? overHttp1(port) : await overHttp2(port)
  const answers: Answer[] = []
  let cookie = ''
  for (const each of trial.asks) {
    if (protocol === 'h2c' && typeof each === 'object' && each.onlyHttp1) continue
    const { path, method = 'GET', headers = {}, body } = typeof each === 'string' ? { path: each } : each
    const all = cookie ? { ...headers, cookie } : headers
    const answer = await ask({ path, method, headers: all, body })
    answers.push(answer)
    if (trial.carriesCookies) cookie = cookiesOf(answer) || cookie
  }
  await close()
  // What is told when a response is over is told by then, some of it a turn later.
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
  return { answers, notes }
}

/** A server on a free port. `close` ends its connections and waits for that. */
export async function listen(
  listener: RequestListener,
  protocol: Protocol = 'http',
): Promise<{ port: number; close(): Promise<void> }> {
  const server: Server | Http2Server =
    protocol === 'http' ? createServer(listener) : createHttp2Server(listener as never)
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const closed = new Promise<void>((resolve) => server.once('close', resolve))
  async function close(): Promise<void> {
    server.close()
    for (const socket of sockets) socket.destroy()
    await closed
  }
  onTestFinished(close)
  return { port: (server.address() as AddressInfo).port, close }
}

interface Request {
  readonly path: string
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
}

function overHttp1(port: number): (request: Request) => Promise<Answer> {
  let client: Awaited<ReturnType<typeof rawClient>> | undefined
  onTestFinished(() => client?.destroy())

  return async ({ path, method, headers, body }) => {
    client ??= await rawClient({ host: '127.0.0.1', port })
    const connection = client
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
    const lines = Object.entries({ host: 'curfew.example', ...length, ...headers })
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join('')
    await connection.send(`${method} ${path} HTTP/1.1\r\n${lines}\r\n${body ?? ''}`)
    try {
      const answer = await connection.response({ method })
      const { status, reason, complete } = answer
      const isLast = !complete || answer.headers.get('connection') === 'close'
      // A server that is done ends the connection by itself, which is for the suite to see.
      const broken = isLast ? `connection ended: ${await connection.closed}` : undefined
      if (isLast) client = undefined
      return {
        status,
        reason,
        headers: answer.rawHeaders.filter(([name]) => name.toLowerCase() !== 'date'),
        body: answer.body.toString('latin1'),
        complete,
        ...(broken && { broken }),
      }
    } catch (error) {
      connection.destroy()
      client = undefined
      return { broken: (error as Error).message }
    }
  }
}

async function overHttp2(port: number): Promise<(request: Request) => Promise<Answer>> {
  const client = await http2Client(`http://127.0.0.1:${port}`)
  onTestFinished(() => client.destroy())

  return ({ path, method, headers, body }) =>
    new Promise((resolve) => {
      const { connection: _, ...own } = headers
      const stream = client.request({ path, method, headers: own, ...(body !== undefined && { body }) })
      let head: { status: number; headers: [string, string][] } | undefined
      let text = ''
      let ended = false
      stream.setEncoding('latin1')
      stream.on('response', ({ ':status': status, date: _date, ...rest }) => {
        head = {
          status: status!,
          headers: Object.entries(rest).map(([name, value]) => [name, String(value)]),
        }
      })
      stream.on('data', (chunk: string) => {
        text += chunk
      })
      stream.on('end', () => {
        ended = true
      })
      stream.on('error', () => {})
      stream.on('close', () => {
        const broken = stream.rstCode ? `reset: ${stream.rstCode}` : undefined
        resolve({ ...head, ...(head && { body: text, complete: ended }), ...(broken && { broken }) })
      })
    })
}

function cookiesOf({ headers = [] }: Answer): string {
  return headers
    .filter(([name]) => name.toLowerCase() === 'set-cookie')
    .flatMap(([, value]) => value.split(/,(?=[^ ])/))
    .map((value) => value.split(';')[0])
    .join('; ')
}
