import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type RawResponse, rawClient } from '@curfew/conformance'
import type { Outcome, Stats } from '@curfew/core'
import connect from 'connect'
import express, { type Express } from 'express'
import express4 from 'express4'
import { describe, expect, test, vi } from 'vitest'
import { curfew, type Middleware } from '../../src/express.ts'
import { guardListener } from '../../src/index.ts'
import { Journal } from '../support.ts'

// The same app, bare and guarded, must give the same bytes to the same requests, and see the same things happen.

export const frameworks = { 'Express 5': express, 'Express 4': express4 }
export type Framework = keyof typeof frameworks

/** What the definition of an app has to work with. */
export interface Kit {
  readonly express: typeof express
  /** Writes down what the app sees: that must be the same, too. */
  note(...values: unknown[]): void
}

export type Define = (app: Express, kit: Kit) => void

/** Handlers that know nothing of Express, for Connect as well. */
export type Handle = (
  req: IncomingMessage,
  res: ServerResponse,
  next: (error?: unknown) => void,
  note: Kit['note'],
) => unknown

interface Options {
  /** What is mounted before the guard. */
  readonly before?: Define
  readonly only?: Framework
}

/** One request as it goes on the wire. */
export interface Wire {
  readonly method: string
  readonly head: string
  readonly body: string | Uint8Array
  /** Compares the very bytes until the connection closes, chunks and trailers included. */
  readonly raw?: boolean
}

export function wire(method: string, path: string, headers: Headers = {}, body?: Wire['body']): Wire {
  const lines = [`${method} ${path} HTTP/1.1`]
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
  const all: Headers = { host: 'localhost', ...length, ...headers }
  for (const [name, value] of Object.entries(all)) if (value !== undefined) lines.push(`${name}: ${value}`)
  return { method, head: `${lines.join('\r\n')}\r\n\r\n`, body: body ?? '' }
}

type Headers = Readonly<Record<string, string | undefined>>

export const get = (path = '/', headers?: Headers): Wire => wire('GET', path, headers)
export const head = (path = '/', headers?: Headers): Wire => wire('HEAD', path, headers)
export const post = (body: Wire['body'], type?: string, headers: Headers = {}): Wire =>
  wire('POST', '/', { 'content-type': type, ...headers }, body)

/** Requests in one piece, whose replies come in their order. */
export const pipelined = (...requests: Wire[]): Wire[] => {
  const bytes = requests.flatMap(({ head, body }) => [Buffer.from(head), Buffer.from(body)])
  return requests.map((request, index) => ({
    ...request,
    head: '',
    body: index === 0 ? Buffer.concat(bytes) : '',
  }))
}

/** One after which the connection closes, compared byte by byte. */
export const rawGet = (path = '/', headers?: Headers): Wire => ({
  ...get(path, { connection: 'close', ...headers }),
  raw: true,
})

/** A case for Express 5 and 4. */
export function parity(name: string, define: Define, requests: readonly Wire[], options: Options = {}): void {
  const { only, before } = options
  const names = only ? [only] : (Object.keys(frameworks) as Framework[])
  test.each(names)(`${name} (%s)`, async (framework) => {
    const make = frameworks[framework]
    await compare(requests, (note, guard) => {
      const app = make()
      app.set('env', 'production')
      const kit = { express: make, note }
      before?.(app, kit)
      if (guard) app.use(guard)
      define(app, kit)
      return app
    })
  })
}

/** A case for handlers that write by Node's own methods, for Express 5 and 4 and Connect. */
export function parityOfNode(name: string, handle: Handle, requests: readonly Wire[] = [get()]): void {
  const define: Define = (app, { note }) => app.use((req, res, next) => handle(req, res, next, note))
  describe(name, () => {
    parity('in', define, requests)
    test('in (Connect)', async () => {
      await compare(requests, (note, guard) => {
        const app = connect()
        if (guard) app.use(guard)
        app.use((req, res, next) => handle(req, res, next, note))
        return app
      })
    })
  })
}

type Build = (note: Kit['note'], guard?: Middleware) => RequestListener

async function compare(requests: readonly Wire[], build: Build): Promise<void> {
  const bare = await run(requests, build)
  for (const way of ['as middleware', 'as listener', 'as both'] as const) {
    const outcomes = new Journal<Outcome>()
    const options = { timeoutMs: 25_000, onOutcome: (outcome: Outcome) => outcomes.add(outcome) }
    let stats: Stats | undefined
    let begun = 0
    const guarded = await run(requests, (note) => {
      if (way === 'as middleware') {
        const guard = curfew(options)
        stats = guard.stats
        return build(note, (req, res, next) => {
          begun++
          guard(req, res, next)
        })
      }
      const listener = guardListener(
        build(note, way === 'as both' ? curfew({ timeoutMs: 25_000 }) : undefined),
        options,
      )
      stats = listener.stats
      return (req, res) => {
        begun++
        listener(req, res)
      }
    })
    expect(guarded, way).toEqual(bare)
    const kinds = (await outcomes.reached(begun)).map(({ kind }) => kind)
    const { active, abandoned, lateWrites } = stats!
    // Who closes the connection himself may never come back to his response.
    const lost = kinds.filter((kind) => kind === 'client-closed').length
    expect({ active, lateWrites }, way).toEqual({ active: 0, lateWrites: 0 })
    expect(abandoned, way).toBeLessThanOrEqual(lost)
  }
}

interface Seen {
  readonly replies: unknown[]
  readonly rest: string
  readonly notes: unknown[]
  readonly logged: readonly string[]
}

async function run(requests: readonly Wire[], build: Build): Promise<Seen> {
  const notes: unknown[] = []
  const closed: Promise<unknown>[] = []
  const logged = vi.spyOn(console, 'error').mockImplementation(() => {})
  const app = build((...values) => void notes.push(values.length === 1 ? values[0] : values))
  const server = createServer((req, res) => {
    closed.push(new Promise((resolve) => res.once('close', resolve)))
    app(req, res)
  })
  server.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  const open = () => rawClient({ host: '127.0.0.1', port })
  let client = await open()
  try {
    const replies: unknown[] = []
    for (const { method, head, body, raw } of requests) {
      void client.send(Buffer.concat([Buffer.from(head), Buffer.from(body)]))
      if (raw) {
        const bytes = await client.rest()
        replies.push(bytes.toString('latin1').replace(/^Date: .*$/m, 'Date: #'))
        client = await open()
        continue
      }
      try {
        const reply = await client.response({ method })
        replies.push(comparable(reply))
        if (reply.complete && reply.headers.get('connection') !== 'close') continue
      } catch (error) {
        replies.push(String(error))
        client.destroy()
      }
      await client.closed
      client = await open()
    }
    client.fin()
    const rest = await client.rest()
    await Promise.all(closed)
    return {
      replies,
      rest: rest.toString('latin1'),
      notes,
      logged: logged.mock.calls.map((call) => String(call).split('\n')[0]!),
    }
  } finally {
    logged.mockRestore()
    client.destroy()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
}

/** All that a client can see, but for what differs from one time to the next. */
function comparable({ body, rawHeaders, informational, status, reason, complete }: RawResponse): unknown {
  const hash = body.length > 10_000 && createHash('sha1').update(body).digest('hex')
  return {
    status,
    reason,
    complete,
    headers: rawHeaders.map(([name, value]) => [name, steady(name, value)]),
    informational: informational.map((head) => [head.status, head.rawHeaders]),
    body: hash ? `${body.length} bytes: ${hash}` : body.toString('latin1'),
  }
}

function steady(name: string, value: string): string {
  if (/^set-cookie$/i.test(name)) return value.replace(/Expires=[^;]+/, 'Expires=#')
  return /^(date|x-response-time)$/i.test(name) ? value.replace(/\d+/g, '#') : value
}
