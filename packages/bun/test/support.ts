import { fileURLToPath } from 'node:url'
import { type RawClient, rawClient, type Server, startServer } from '@curfew/conformance'
import { afterAll } from 'vitest'

/** What `bun/server.ts` is told. */
export interface Settings {
  how?: 'serve' | 'guard'
  guard?: object
  options?: object
  error?: boolean
  hooksThrow?: boolean
  websockets?: boolean
}

const bun = fileURLToPath(new URL('../node_modules/.bin/bun', import.meta.url))
const script = fileURLToPath(new URL('bun/server.ts', import.meta.url))

/** Starts the server under the real Bun, and stops it after the tests of the file. */
export async function startBun(settings: Settings, env: Record<string, string> = {}): Promise<Server> {
  const server = await startServer({
    command: bun,
    args: ['--conditions=curfew-source', script],
    env: { SETTINGS: JSON.stringify(settings), NODE_ENV: 'production', ...env },
  })
  started.push(server)
  return server
}

const started: Server[] = []
const opened: RawClient[] = []

afterAll(async () => {
  for (const client of opened.splice(0)) client.destroy()
  await Promise.all(started.splice(0).map((server) => server.stop()))
})

/** A connection that is closed after the tests of the file. */
export async function connect({ url }: Pick<Server, 'url'>): Promise<RawClient> {
  const { hostname, port } = new URL(url)
  const client = await rawClient({ host: hostname, port: Number(port) })
  opened.push(client)
  return client
}

export function head(path: string, headers: Record<string, string> = {}, method = 'GET'): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${lines.join('')}\r\n`
}

/** The only record of how this path ended, once there is one and what was written by then has been read. */
export async function ending(server: Server, path: string): Promise<Record<string, unknown>> {
  const isIts = (record: Record<string, unknown>) => record.event === 'ending' && record.path === path
  const found = await server.records.waitFor(isIts, `the ending of ${path}`)
  const all = server.records.all.filter(isIts)
  if (all.length !== 1) throw new Error(`${all.length} endings: ${JSON.stringify(all)}`)
  return found
}

export function event(server: Server, name: string): Promise<Record<string, unknown>> {
  return server.records.waitFor((record) => record.event === name, name)
}

let last = 0

/** A path that no other request has. */
export function unique(path: string): string {
  return `${path}${path.includes('?') ? '&' : '?'}n=${last++}`
}

export interface Visit {
  readonly path: string
  readonly client: RawClient
  readonly response: ReturnType<RawClient['response']>
}

/** A request that is being handled, or an event stream that has begun. */
export async function visit(server: Server, route: string): Promise<Visit> {
  const path = unique(route)
  const client = await connect(server)
  let begun = (): void => {}
  const head200 = new Promise<void>((resolve) => {
    begun = resolve
  })
  const response = client.response({ onBody: () => begun() })
  response.catch(() => {})
  await client.send(head(path))
  if (route.startsWith('/events')) await head200
  // Whatever comes after it on another connection has been handled after it.
  else await fetch(`${server.url}/hello`)
  return { path, client, response }
}
