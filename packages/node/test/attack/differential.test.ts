import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2'
import { type AddressInfo, connect, type Server } from 'node:net'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { guardListener } from '../../src/index.ts'
import {
  execute,
  type Program,
  programOfHttp1,
  programOfHttp2,
  programOfPipeline,
  type Seen,
} from './programs.ts'

// Whatever a handler does in time, its client gets the bytes that it gets without a guard, and it sees the same happen.

/** What came of a connection: all bytes that were sent, and what each handler saw. */
interface Run {
  readonly bytes: string
  readonly seen: readonly Seen[]
}

let programs: readonly Program[] = []
let seen: Seen[] = []
let done: () => void

async function handler(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const index = Number(request.url!.slice(1))
  seen[index] = { results: [], events: [], errors: [], pipes: [], writes: [] }
  await execute(programs[index]!, request, response, seen[index]!)
  done()
}

const options = { keepAliveTimeout: 20 }
const bare = (request: IncomingMessage, response: ServerResponse) => void handler(request, response)
const listeners = { bare, guarded: guardListener(handler) }
const servers: Server[] = []
const ports = { http: { bare: 0, guarded: 0 }, h2c: { bare: 0, guarded: 0 } }

beforeAll(async () => {
  for (const kind of ['bare', 'guarded'] as const) {
    ports.http[kind] = await listen(createServer(options, listeners[kind]))
    ports.h2c[kind] = await listen(createHttp2Server(listeners[kind] as never))
  }
})
afterAll(() => {
  for (const server of servers) server.close()
})

async function listen(server: Server): Promise<number> {
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

type Exchange = (port: number, all: Promise<void>) => Promise<string>

async function run(port: number, all: readonly Program[], exchange: Exchange): Promise<Run> {
  programs = all
  seen = []
  const bytes = await exchange(port, settled(all.length))
  await moment()
  return { bytes: bytes.replaceAll(/Date: [^\r]*/g, 'Date: now'), seen }
}

/** When so many handlers have come to their end, and a moment has passed. */
async function settled(count: number): Promise<void> {
  let left = count
  await new Promise<void>((resolve) => {
    done = () => {
      if (--left === 0) resolve()
    }
  })
  await moment()
}

async function moment(): Promise<void> {
  for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve))
}

const overHttp1 =
  (request: string): Exchange =>
  (port, all) =>
    new Promise((resolve) => {
      const socket = connect({ port, host: '127.0.0.1' })
      let bytes = ''
      socket.setEncoding('latin1')
      socket.on('data', (chunk) => {
        bytes += chunk
      })
      socket.on('error', (error: NodeJS.ErrnoException) => {
        bytes += `<${error.code}>`
      })
      // Once all is said a FIN ends what Node would keep for a while.
      void all.then(() => socket.end())
      socket.on('close', () => resolve(bytes))
      socket.write(request)
    })

/** What comes of one stream, in order. */
const overHttp2 =
  (method: string): Exchange =>
  (port, all) =>
    new Promise((resolve) => {
      const session = connectHttp2(`http://127.0.0.1:${port}`)
      session.on('error', () => {})
      const stream = session.request({ ':method': method, ':path': '/0' }, { endStream: method === 'GET' })
      if (method !== 'GET') stream.end('body')
      const parts: string[] = []
      const told = (name: string) => (headers: object) =>
        parts.push(`${name} ${JSON.stringify({ ...headers, date: 'now' })}`)
      stream.setEncoding('latin1')
      for (const name of ['headers', 'response', 'trailers']) stream.on(name, told(name))
      let body = ''
      stream.on('data', (chunk) => {
        body += chunk
      })
      stream.on('end', () => parts.push('end'))
      stream.on('error', (error: NodeJS.ErrnoException) => parts.push(String(error.code)))
      stream.on('close', () => parts.push(`closed ${stream.rstCode}`))
      void all.then(() => session.destroy())
      session.on('close', () => resolve([...parts, body].join('\n')))
    })

const count = Number(process.env.RUNS ?? 150)
const seed = Number(process.env.SEED ?? 5)

async function compare(programs: readonly Program[], request: string): Promise<void> {
  const bare = await run(ports.http.bare, programs, overHttp1(request))
  const guarded = await run(ports.http.guarded, programs, overHttp1(request))
  // A callback of a write comes when the chunk was taken. Node tells some responses nothing of a connection that ends before their turn; a guard does.
  const isTold = (index: number): boolean => bare.seen[index]!.events.includes('close')
  const isSent = (index: number): boolean => bare.seen[index]!.events.includes('finish')
  const told = ({ seen, bytes }: Run): Run => ({
    // Before its turn, Node 26 makes one chunk of some.
    bytes: programs.length > 1 ? bytes.replaceAll(/\r\n[0-9a-f]+\r\n/g, '') : bytes,
    seen: seen.map((each, index) => {
      const writes = isSent(index) ? [...each.writes].sort() : []
      return isTold(index) ? { ...each, writes } : { ...each, events: [], errors: [], pipes: [], writes: [] }
    }),
  })
  expect(told(guarded)).toEqual(told(bare))
}

/** Where HTTP/2 sends no body Node takes the stream for one that has ended, and what writes come back with is a matter of that. */
async function compareStreams(program: Program, method: string): Promise<void> {
  const bare = await run(ports.h2c.bare, [program], overHttp2(method))
  const guarded = await run(ports.h2c.guarded, [program], overHttp2(method))
  expect(guarded.bytes).toBe(bare.bytes)
  expect(guarded.seen[0]!.events).toEqual(bare.seen[0]!.events)
}

const lines = (method: string, path: number, version: string, ...headers: string[]): string =>
  `${[`${method} /${path} HTTP/${version}`, 'Host: localhost', ...headers].join('\r\n')}\r\n\r\n`

const one: Record<string, string> = {
  'GET over HTTP/1.1': lines('GET', 0, '1.1', 'Connection: close'),
  HEAD: lines('HEAD', 0, '1.1', 'Connection: close'),
  'HTTP/1.0': lines('GET', 0, '1.0'),
  POST: `${lines('POST', 0, '1.1', 'Connection: close', 'Content-Length: 4')}body`,
  'with trailers': lines('GET', 0, '1.1', 'Connection: close', 'TE: trailers'),
}

const runs = { numRuns: count, seed }

describe('the same bytes, results and events as without a guard', () => {
  test.each(Object.entries(one))('%s', async (_, request) => {
    const check = (program: Program) => compare([program], request)
    await fc.assert(fc.asyncProperty(programOfHttp1, check), runs)
  })

  test('in a pipeline', async () => {
    const three =
      lines('GET', 0, '1.1') + lines('HEAD', 1, '1.1') + lines('GET', 2, '1.1', 'Connection: close')
    const all = fc.array(programOfPipeline, { minLength: 3, maxLength: 3 })
    await fc.assert(
      fc.asyncProperty(all, (programs) => compare(programs, three)),
      runs,
    )
  })

  test.each(['GET', 'HEAD', 'POST'])('%s over HTTP/2', async (method) => {
    const check = (program: Program) => compareStreams(program, method)
    await fc.assert(fc.asyncProperty(programOfHttp2, check), runs)
  })
})
