import { fileURLToPath } from 'node:url'
import { type RawClient, rawClient, type Server, type ServerRecord, startServer } from '@curfew/conformance'

export const folder: string = fileURLToPath(new URL('..', import.meta.url))
export const deno: string = `${folder}node_modules/.bin/deno`

/** The sources, not what was built from them. */
export const denoArgs: readonly string[] = [
  '--node-modules-dir=manual',
  '--conditions=curfew-source',
  '--no-prompt',
]

export interface Running extends Server {
  /** A path that no other request has. */
  path(route: string): string
  fetch(path: string, init?: RequestInit): Promise<Response>
  raw(): Promise<RawClient>
  /** Sends the head, without a body. */
  send(path: string, headers?: Record<string, string>): Promise<RawClient>
  /** Resolves with the record of that event about that path. */
  told(event: string, path?: string): Promise<ServerRecord>
  count(event: string, path?: string): number
  /** Calls `close()`, twice, or aborts the `signal` that `serve()` was given. */
  control(order: 'close' | 'abort'): Promise<void>
}

let counter = 0

/** A server of `server.ts` in a process of its own. */
export async function run(env: Record<string, string> = {}, args: readonly string[] = []): Promise<Running> {
  const server = await startServer({
    command: deno,
    args: ['run', ...denoArgs, '--allow-net', '--allow-env', ...args, 'test/server.ts'],
    cwd: folder,
    env: { NO_COLOR: '1', ...env },
  })
  const { port } = new URL(server.url)
  const isAbout = (event: string, path?: string) => (record: ServerRecord) =>
    record.event === event && (path === undefined || record.path === path)
  const raw = (): Promise<RawClient> => rawClient({ host: '127.0.0.1', port: Number(port) })
  return {
    ...server,
    path: (route) => `/${route}?id=${++counter}`,
    fetch: (path, init) => fetch(new URL(path, server.url), init),
    raw,
    async send(path, headers = {}) {
      const client = await raw()
      const lines = Object.entries({ Host: '127.0.0.1', ...headers }).map(
        ([name, value]) => `${name}: ${value}`,
      )
      await client.send(`GET ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`)
      return client
    },
    told: (event, path) => server.records.waitFor(isAbout(event, path), `${event} ${path ?? ''}`),
    count: (event, path) => server.records.all.filter(isAbout(event, path)).length,
    async control(order) {
      await fetch(new URL(order, String(server.listening.control)))
    },
  }
}
