import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { type RawClient, rawClient } from './raw-client.ts'
import { type Exit, type Server, startServer } from './start-server.ts'
import { within } from './within.ts'

/** How a process with a server of an adapter is started. */
export type EndingFixture = {
  readonly command: string
  /** What comes before the script. */
  readonly args?: readonly string[]
  readonly cwd?: string
  /** The module that `serve()` comes from. */
  readonly adapter: string
}

const script = fileURLToPath(new URL('../dist/ending-server.js', import.meta.url))

const servers: Server[] = []
const clients: RawClient[] = []

/** As compiled, so that Node 20 can run it, too. */
async function started(
  { command, args = [], cwd, adapter }: EndingFixture,
  env: Record<string, string>,
): Promise<Server> {
  const server = await startServer({
    command,
    args: [...args, script, adapter],
    ...(cwd !== undefined && { cwd }),
    env: { NO_COLOR: '1', ...env },
    graceMs: 0,
  })
  servers.push(server)
  return server
}

/** To the runtime itself, not to what started it. */
function kill({ listening }: Server, signal: NodeJS.Signals): void {
  process.kill(Number(listening.pid), signal)
}

function exitOf({ exited, stderr }: Server): Promise<Exit> {
  return within(exited, () => `the end of the process: ${stderr()}`)
}

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`

async function asked(server: Server, path: string) {
  const { hostname, port } = new URL(server.url)
  const client = await rawClient({ host: hostname, port: Number(port) })
  clients.push(client)
  await client.send(get(path))
  return { client, response: client.response() }
}

/** A request that is being handled. */
async function pending(server: Server, path: string) {
  const sent = await asked(server, path)
  sent.response.catch(() => {})
  await server.records.waitFor((record) => record.pathname === path, path)
  return sent
}

async function statusOf(server: Server, path: string, init?: RequestInit): Promise<number> {
  const response = await fetch(new URL(path, server.url), init)
  await response.arrayBuffer()
  return response.status
}

/** Sends it again and again: once it counts, the process is gone. */
async function insist(server: Server, signal: NodeJS.Signals): Promise<Exit> {
  const timer = setInterval(() => {
    try {
      kill(server, signal)
    } catch {
      clearInterval(timer)
    }
  }, 50)
  return exitOf(server).finally(() => clearInterval(timer))
}

/** Declares what is true of every process whose server closes at signals. */
export function processEndings(name: string, fixture: EndingFixture): void {
  afterAll(async () => {
    for (const client of clients.splice(0)) client.destroy()
    await Promise.all(servers.splice(0).map((server) => server.stop()))
  })

  describe.concurrent(`${name}: a process`, () => {
    test.each(['SIGTERM', 'SIGINT'] as const)(
      'that gets a %s answers what it has, tells the client to come back on another connection, and ends with 0',
      async (signal) => {
        const server = await started(fixture, { SIGNALS: '{}' })
        const idle = await asked(server, '/hello')
        expect((await idle.response).headers.get('connection')).not.toBe('close')
        const { client, response } = await pending(server, '/drain')
        kill(server, signal)
        const { status, headers, body, complete } = await response
        expect([status, body.toString(), complete]).toEqual([200, 'hello', true])
        expect(headers.get('connection')).toBe('close')
        await Promise.all([client.closed, idle.client.closed])
        expect(await exitOf(server)).toEqual({ code: 0, signal: null })
        expect(server.stderr()).not.toMatch(/Curfew|\n[ \t]+at /)
        expect(await server.records.waitFor(({ event }) => event === 'closed', 'closed')).toMatchObject({
          finished: 1,
          shutDown: 0,
          cutOff: 0,
          flushed: true,
        })
      },
    )

    test('answers 503 for what does not end, waits for its hooks, and ends with 0', async () => {
      const server = await started(fixture, { SIGNALS: '{"graceMs":100}' })
      const { response } = await pending(server, '/never')
      kill(server, 'SIGTERM')
      const { status, body } = await response
      expect([status, JSON.parse(body.toString())]).toMatchObject([503, { code: 'SHUTDOWN' }])
      expect(await exitOf(server)).toEqual({ code: 0, signal: null })
      const records = server.records.all.filter(({ event }) => event !== 'started').slice(1)
      expect(records).toMatchObject([
        { event: 'hook-done' },
        { event: 'closed', finished: 0, shutDown: 1, cutOff: 0, flushed: true },
        { event: 'all-closed' },
      ])
    })

    test.each([
      ['SIGINT', 130],
      ['SIGTERM', 143],
    ] as const)('that gets a second %s ends at once, with %d', async (signal, code) => {
      const server = await started(fixture, {})
      const { client } = await pending(server, '/never')
      kill(server, 'SIGTERM')
      expect(await insist(server, signal)).toEqual({ code, signal: null })
      await client.closed
    })

    test('says that it is not ready, and goes on for as long as it was told to', async () => {
      const server = await started(fixture, { SIGNALS: '{"noticeMs":3000}' })
      expect(await statusOf(server, '/readyz')).toBe(200)
      const before = await asked(server, '/hello')
      await before.response
      kill(server, 'SIGTERM')
      while ((await statusOf(server, '/readyz')) === 200);
      expect(await statusOf(server, '/readyz', { method: 'HEAD' })).toBe(503)
      expect(await statusOf(server, '/livez')).toBe(200)
      // A client that comes, and one that stays.
      const { response } = await asked(server, '/hello')
      await before.client.send(get('/hello'))
      for (const each of [await response, await before.client.response()]) {
        expect([each.status, each.headers.get('connection')]).toEqual([200, 'close'])
      }
      expect(await exitOf(server)).toEqual({ code: 0, signal: null })
      expect(server.records.all.filter(({ event }) => event === 'started')).toHaveLength(3)
    })

    test('ends although something keeps it', async () => {
      const server = await started(fixture, { KEPT: 'yes' })
      kill(server, 'SIGTERM')
      expect(await exitOf(server)).toEqual({ code: 0, signal: null })
    })

    test('ends with the code that was set', async () => {
      const server = await started(fixture, { SIGNALS: '{}', ON_CLOSED: 'exitCode', KEPT: 'yes' })
      kill(server, 'SIGTERM')
      expect(await exitOf(server)).toEqual({ code: 7, signal: null })
    })

    test('ends with 1 when something fails to close', async () => {
      const server = await started(fixture, { SIGNALS: '{}', ON_CLOSED: 'throw' })
      kill(server, 'SIGTERM')
      expect(await exitOf(server)).toEqual({ code: 1, signal: null })
      expect(server.stderr()).toContain('failed to close the database')
    })

    test('with several servers ends when all of them are closed', async () => {
      const server = await started(fixture, { SERVERS: '3' })
      const { response } = await pending(server, '/drain')
      kill(server, 'SIGTERM')
      expect(await response).toMatchObject({ status: 200, complete: true })
      expect(await exitOf(server)).toEqual({ code: 0, signal: null })
    })

    test('hears signals as if nobody listened once its server is closed, or if nobody was asked to', async () => {
      const closed = await started(fixture, { KEPT: 'programmatic' })
      await closed.records.waitFor(({ event }) => event === 'closed', 'closed')
      const deaf = await started(fixture, { SIGNALS: 'false' })
      for (const server of [closed, deaf]) {
        kill(server, 'SIGTERM')
        // What starts a runtime may make a code of it.
        const { code, signal } = await exitOf(server)
        expect(signal === 'SIGTERM' || code === 1 || code === 143).toBe(true)
      }
    })
  })
}
