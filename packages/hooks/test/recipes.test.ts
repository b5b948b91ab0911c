import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { createGunzip } from 'node:zlib'
import { guard } from '@curfew/core'
import { type Hook, type HookContext, type Report, reporter } from '@curfew/core/report'
import type { Event } from '@sentry/node'
import { pino } from 'pino'
import { afterEach, describe, expect, test } from 'vitest'
import { toPino } from './recipes/pino.ts'
import { sentryClient, toSentry } from './recipes/sentry.ts'
import { abandoned, all, failed, hostile, late, timedOut } from './reports.ts'

const context: HookContext = { signal: new AbortController().signal, thrown: new Error('thrown') }

const cleanups: (() => unknown)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

test.each([
  ['pino', 'pino'],
  ['pino', 'pino-reporter'],
  ['sentry', 'sentry'],
  ['sentry', 'sentry-reporter'],
])('the page %s has the code of %s.ts, which is tested here', (page, file) => {
  const code = readFileSync(new URL(`recipes/${file}.ts`, import.meta.url), 'utf8')
  const prose = readFileSync(new URL(`../../../docs/recipes/${page}.md`, import.meta.url), 'utf8')
  expect(prose).toContain(`\`\`\`ts\n${code}\`\`\`\n`)
})

/** What becomes of a request whose handler throws, with secrets wherever it has room for one. */
async function failWithSecrets(
  hook: Hook | ((report: Report, context: HookContext) => unknown),
): Promise<void> {
  const reports = reporter({ hooks: [hook], service: 'shop' })
  const handler = guard(
    async (request: Request) => {
      await request.json()
      const cause = new Error('upstream refused Bearer abcdefghijklmnop-hunter2')
      throw Object.assign(new TypeError('no order', { cause }), { code: 'E_ORDER', password: 'hunter2' })
    },
    { reporter: reports },
  )
  const response = await handler(
    new Request('http://localhost/orders?token=hunter2', {
      method: 'POST',
      body: JSON.stringify({ password: 'hunter2', quantity: 3 }),
      headers: { 'content-type': 'application/json', authorization: 'Bearer hunter2', 'x-request-id': 'r-1' },
    }),
  )
  expect(response.status).toBe(500)
  expect(await reports.flush()).toBe(true)
}

describe('pino', () => {
  function logged(level = 'info') {
    const lines: string[] = []
    const logger = pino({ level }, { write: (line) => lines.push(line) })
    return { hook: toPino(logger), lines, entries: () => lines.map((line) => JSON.parse(line)) }
  }

  test('has an entry for each report, with all of it, at a level of its kind', () => {
    const { hook, entries } = logged()
    for (const report of all) hook(report, context)
    expect(entries().map(({ level, report }) => [level, report])).toEqual(
      [50, 40, 40, 30, 50, 50].map((level, index) => [level, all[index]]),
    )
  })

  test('says in short what it was', () => {
    const { hook, entries } = logged()
    for (const report of [
      failed,
      abandoned,
      { ...abandoned, request: { ...failed.request, route: '/100%/%s' } },
    ]) {
      hook(report, context)
    }
    expect(entries().map(({ msg }) => msg)).toEqual([
      'POST /users/:id/orders 500 QueryError: duplicate key value violates unique constraint "orders_pkey"',
      'GET http://localhost:3000/slow 499 abandoned',
      'POST /100%/%s 499 abandoned',
    ])
  })

  test('gets no second line from what the client or the error chose', () => {
    const { hook, lines } = logged()
    hook(hostile, context)
    expect(lines).toHaveLength(1)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what must not be there
    expect(lines[0]!.trimEnd()).not.toMatch(/[\u0000-\u001f]/)
  })

  test('keeps to its own level', () => {
    const { hook, entries } = logged('error')
    for (const report of [failed, timedOut, late]) hook(report, context)
    expect(entries()).toHaveLength(1)
  })

  test('sees no secret', async () => {
    const { hook, lines, entries } = logged()
    await failWithSecrets(hook)
    expect(entries()).toMatchObject([
      { msg: 'POST http://localhost/orders?token=[redacted] 500 TypeError: no order' },
    ])
    expect(lines.join('')).not.toContain('hunter2')
  })
})

describe('sentry', () => {
  /** A server that takes envelopes as Sentry does; `sockets` are all that were opened meanwhile. */
  async function collect() {
    const bodies: string[] = []
    const urls: (string | undefined)[] = []
    const server = createServer(async (request, response) => {
      const gzipped = request.headers['content-encoding'] === 'gzip'
      urls.push(request.url?.split('?')[0])
      bodies.push(await text(gzipped ? request.pipe(createGunzip()) : request))
      response.end('{}')
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    cleanups.push(() => new Promise((resolve) => server.close(resolve)))
    const { port } = server.address() as AddressInfo

    const sockets: Socket[] = []
    const watch = (message: unknown) => sockets.push((message as { socket: Socket }).socket)
    subscribe('net.client.socket', watch)
    cleanups.push(() => unsubscribe('net.client.socket', watch))

    const client = sentryClient(`http://key@127.0.0.1:${port}/42`)
    cleanups.push(() => client.close())
    const events = () =>
      bodies.map((body): Event => {
        const [, header, payload] = body.split('\n').map((line) => JSON.parse(line))
        expect(header.type).toBe('event')
        return payload
      })
    return { hook: toSentry(client), bodies, urls, port, sockets, events }
  }

  async function sent(...reports: readonly Report[]) {
    const collector = await collect()
    for (const report of reports) collector.hook.fire!(report, context)
    await collector.hook.flush!(context)
    return collector
  }

  test('has an event for each report, grouped by its fingerprint', async () => {
    const { events } = await sent(...all)
    const groups = new Map<string, number>()
    for (const { fingerprint } of events()) {
      groups.set(String(fingerprint), (groups.get(String(fingerprint)) ?? 0) + 1)
    }
    expect(Object.fromEntries(groups)).toEqual({
      [failed.fingerprint]: 3,
      [timedOut.fingerprint]: 1,
      [late.fingerprint]: 1,
      [abandoned.fingerprint]: 1,
    })
  })

  test('finds kind, route and ids in the tags', async () => {
    const { events } = await sent(failed)
    expect(events()).toMatchObject([
      {
        level: 'error',
        transaction: 'POST /users/:id/orders',
        tags: {
          kind: 'failed',
          route: '/users/:id/orders',
          status: 500,
          service: 'shop',
          report: failed.id,
          request: 'req-7421',
        },
        request: {
          method: 'POST',
          url: failed.request.url,
          headers: failed.request.headers,
          data: failed.request.body,
        },
      },
    ])
  })

  test('has the stack of the error, and of its cause before it', async () => {
    const { events } = await sent(failed)
    const [cause, error] = events()[0]!.exception!.values!
    expect(cause).toMatchObject({ type: 'Error', value: 'connection is read-only' })
    expect(error).toMatchObject({ type: 'QueryError', value: failed.error!.message })
    // Where it was thrown comes last.
    expect(
      error!.stacktrace!.frames!.map(({ function: name, filename, lineno }) => [name, filename, lineno]),
    ).toEqual([
      ['handle', '/app/src/main.ts', 12],
      ['dispatch', '/app/node_modules/hono/dist/compose.js', 22],
      ['placeOrder', '/app/src/orders/place-order.ts', 18],
      ['process.processTicksAndRejections', 'node:internal/process/task_queues', 95],
      ['OrderStore.insert', '/app/src/orders/store.ts', 41],
    ])
    expect(error!.stacktrace!.frames!.map(({ in_app }) => in_app)).toEqual([true, false, true, false, true])
  })

  test('takes what nobody threw for a message', async () => {
    const { events } = await sent(abandoned)
    expect(events()).toMatchObject([
      { level: 'warning', message: 'abandoned: GET http://localhost:3000/slow', tags: { kind: 'abandoned' } },
    ])
    expect(events()[0]!.exception).toBe(undefined)
  })

  test('sees no secret, though it has the stack of what was thrown', async () => {
    const { hook, bodies, events } = await collect()
    await failWithSecrets(hook)
    expect(events()).toMatchObject([
      {
        tags: { kind: 'failed', request: 'r-1' },
        contexts: { curfew: { fields: { code: 'E_ORDER', password: '[redacted]' } } },
      },
    ])
    const frames = events()[0]!.exception!.values!.at(-1)!.stacktrace!.frames!
    expect(frames.at(-1)!.filename).toContain('recipes.test.ts')
    expect(bodies.join('')).not.toContain('hunter2')
  })

  test('is called at its address only, and hears of nothing but reports', async () => {
    const listeners = () =>
      ['uncaughtException', 'unhandledRejection', 'exit'].map((name) => process.listenerCount(name))
    const before = listeners()
    const { urls, port, sockets } = await sent(failed, late)
    expect(listeners()).toEqual(before)
    expect(urls).toEqual(['/api/42/envelope/', '/api/42/envelope/'])
    expect(sockets.map(({ remotePort }) => remotePort)).toEqual(sockets.map(() => port))
    expect(sockets.length).toBeGreaterThan(0)
  })
})
