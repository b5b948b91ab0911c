import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { Outcome } from '../packages/core/src/index.ts'
import { type Hook, reporter } from '../packages/core/src/report.ts'
import { consoleHook, webhook } from '../packages/hooks/src/index.ts'
import { jsonLines } from '../packages/hooks/src/json-lines.ts'
import { type ServeOptions, serve } from '../packages/node/src/index.ts'
import { root } from './support/run.ts'

// What happens to requests when the parts of Curfew fail that only tell of them: nothing.

/** Ends the same whatever the reports are told to: by its path. */
async function endings({ url, signal }: Request): Promise<Response> {
  const { pathname } = new URL(url)
  if (pathname === '/fail') throw new Error('boom')
  if (pathname === '/slow')
    await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  return new Response('hello')
}

async function start(options: Partial<ServeOptions>) {
  const server = serve({ fetch: endings, port: 0, hostname: '127.0.0.1', timeoutMs: 200, ...options })
  onTestFinished(() => void server.close({ graceMs: 0 }))
  const { port } = await server.listening
  return { server, url: `http://127.0.0.1:${port}` }
}

/** A receiver of webhooks, by what it does with a request; closed when the test is over. */
async function receiver(answer: Parameters<typeof createServer>[1]): Promise<string> {
  const server = createServer(answer)
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'curfew-own-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return folder
}

/** What would have ended the process. */
function uncaught(): unknown[] {
  const found: unknown[] = []
  const add = (error: unknown) => found.push(error)
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, add)
    onTestFinished(() => void process.off(event, add))
  }
  return found
}

const raise = (): never => {
  throw new Error('a part of ours is broken')
}

test('requests end as they should while everything fails that is told of them, and what is lost is counted', async () => {
  const errors = uncaught()
  const said = vi.spyOn(console, 'error').mockImplementation(() => {})
  onTestFinished(() => said.mockRestore())
  const hooks: Hook[] = [
    jsonLines('/dev/full'),
    webhook(await receiver(() => {}), { name: 'hangs' }),
    webhook(await receiver((_, { socket }) => void socket!.resetAndDestroy()), {
      name: 'resets',
      backoffMs: 1,
    }),
    webhook(await receiver((_, response) => response.writeHead(500).end()), { name: '500', backoffMs: 1 }),
    consoleHook({ write: raise }),
    { name: 'throws', fire: raise, observe: raise, flush: raise },
    {
      name: 'rejects',
      fire: async () => raise(),
      observe: () => ({ decided: raise, ended: async () => raise() }),
    },
    { name: 'never', fire: () => new Promise(() => {}), flush: () => new Promise(() => {}) },
    { name: 'works', fire: () => {} },
  ]
  const reports = reporter({
    hooks,
    on: ['failed', 'timed-out', 'abandoned', 'late'],
    redact: { replace: raise },
    requestId: raise,
    formatTime: raise,
    dedupeMs: false,
    maxPerMinute: Number.POSITIVE_INFINITY,
    maxQueued: 100,
    hookTimeoutMs: 300,
  })
  const { url } = await start({
    reporter: reports,
    onOutcome: raise,
    onLateSettlement: async () => raise(),
    timeoutResponse: raise,
    failureResponse: raise,
  })

  const expected: Record<string, number> = { '/': 200, '/fail': 500, '/slow': 503 }
  for (let round = 0; round < 3; round++) {
    const paths = Array.from({ length: 120 }, (_, index) => ['/', '/fail', '/fail', '/slow'][index % 4]!)
    const answers = await Promise.all(paths.map((path) => fetch(url + path)))
    expect(answers.map(({ status }) => status)).toEqual(paths.map((path) => expected[path]))
    await Promise.all(answers.map((answer) => answer.text()))
  }
  expect(await reports.flush({ timeoutMs: 500 })).toBe(false)

  const { hooks: each, ...totals } = reports.stats
  expect(totals).toMatchObject({ failed: 0, limited: 0, pending: 0 })
  // Timeouts are told once, and once more when their handler has rejected.
  expect(totals.reported + totals.dropped).toBe(180 + 90 * 2)
  for (const { delivered, failed, dropped, pending } of Object.values(each)) {
    expect(delivered + failed + dropped + pending).toBeGreaterThanOrEqual(totals.reported)
  }
  expect(each.works).toEqual({ delivered: totals.reported, failed: 0, dropped: 0, pending: 0 })
  for (const name of ['json-lines', 'hangs', 'resets', '500', 'console', 'throws', 'rejects', 'never']) {
    expect(each[name], name).toMatchObject({ delivered: 0 })
  }
  expect(errors).toEqual([])

  // Each is told of once, not with each of many reports.
  const told = said.mock.calls.map(([what]) => String(what))
  expect(new Set(told).size).toBe(told.length)
  expect(told).toContain('Curfew hook failed: json-lines')
})

test('a webhook that hangs keeps no request waiting, no queue growing, and no end of the process', async () => {
  vi.spyOn(console, 'error').mockImplementation(() => {})
  onTestFinished(() => void vi.restoreAllMocks())
  let asked = 0
  const reports = reporter({
    hooks: [webhook(await receiver(() => void asked++), { concurrency: 2, attemptMs: 600_000 })],
    dedupeMs: false,
    maxPerMinute: Number.POSITIVE_INFINITY,
    maxQueued: 50,
    hookTimeoutMs: false,
  })
  const { url, server } = await start({ reporter: reports })
  for (let round = 0; round < 10; round++) {
    const answers = await Promise.all(Array.from({ length: 100 }, () => fetch(`${url}/fail`)))
    for (const answer of answers) {
      expect(answer.status).toBe(500)
      await answer.text()
    }
  }
  await vi.waitFor(() => expect(reports.stats.pending).toBe(0))
  expect(await reports.flush({ timeoutMs: 100 })).toBe(false)
  expect(asked).toBe(2)
  const { dropped, reported, hooks } = reports.stats
  expect(hooks.webhook).toEqual({ delivered: 0, failed: 0, pending: 50, dropped: reported - 50 })
  expect(reported + dropped).toBe(1_000)
  void server.close({ graceMs: 0 })
})

describe('a clock that is set', () => {
  const HOUR_MS = 3_600_000

  /** Only that of the wall: `performance.now()` and timers go on. */
  function wall(): { set(byMs: number): void } {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() })
    onTestFinished(() => void vi.useRealTimers())
    return { set: (byMs) => void vi.setSystemTime(Date.now() + byMs) }
  }

  test.each([
    ['back', -HOUR_MS],
    ['forward', HOUR_MS],
  ])('%s moves no deadline, and no duration is less than nothing', async (_, byMs) => {
    const clock = wall()
    const outcomes: Outcome[] = []
    const { url } = await start({ onOutcome: (outcome) => outcomes.push(outcome) })
    const slow = fetch(`${url}/slow`)
    const began = performance.now()
    clock.set(byMs)
    expect(await (await fetch(url)).text()).toBe('hello')
    expect((await slow).status).toBe(503)
    expect(performance.now() - began).toBeLessThan(5_000)
    await vi.waitFor(() => expect(outcomes).toHaveLength(2))
    const [quick, late] = outcomes as [Outcome, Outcome]
    expect(quick).toMatchObject({ kind: 'completed' })
    expect(quick.elapsedMs).toBeGreaterThanOrEqual(0)
    expect(late).toMatchObject({ kind: 'timed-out' })
    expect(late.elapsedMs).toBeGreaterThanOrEqual(200)
    expect(late.elapsedMs).toBeLessThan(5_000)
  })

  test('back neither silences reports, nor a webhook that was down, nor a file that somebody was moving', async () => {
    const clock = wall()
    const path = join(newFolder(), 'reports.jsonl')
    const bodies: string[] = []
    let isUp = false
    const address = await receiver(async (request, response) => {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk)
      if (isUp) bodies.push(Buffer.concat(chunks).toString())
      response.writeHead(isUp ? 204 : 500).end()
    })
    const said = vi.spyOn(console, 'error').mockImplementation(() => {})
    onTestFinished(() => said.mockRestore())
    const reports = reporter({
      hooks: [webhook(address, { retries: 0, breakAfter: 1, breakMs: 20 }), jsonLines(path, { maxBytes: 1 })],
      dedupeMs: 20,
      maxPerMinute: 100_000,
    })
    const { url } = await start({ reporter: reports })
    const fail = async (): Promise<void> => {
      expect((await fetch(`${url}/fail`)).status).toBe(500)
      await reports.flush()
    }
    await fail()
    expect(reports.stats.hooks.webhook).toMatchObject({ failed: 1 })
    // Left by a process that was killed while it moved the file.
    mkdirSync(`${path}.lock`)
    isUp = true
    clock.set(-HOUR_MS)
    while (bodies.length < 2) await fail()
    const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1)
    expect(lines.map((line) => JSON.parse(line).error.message)).toEqual(['boom'])
    expect(reports.stats).toMatchObject({ failed: 0, limited: 0, dropped: 0 })
    expect(reports.stats.hooks['json-lines']).toMatchObject({ failed: 0, pending: 0 })
  })
})

test('a server whose standard error nobody reads any more goes on', async () => {
  const code = `
    import { serve } from '${root}/packages/node/dist/index.js'
    import { reporter } from '${root}/packages/core/dist/report.js'
    import { consoleHook } from '${root}/packages/hooks/dist/index.js'
    const fail = () => { throw new Error('boom') }
    const reports = reporter({
      hooks: process.env.BAD ? [{ name: 'bad', fire: fail }] : [consoleHook()],
      dedupeMs: false,
      maxPerMinute: Infinity,
    })
    const server = serve({
      fetch: fail, port: 0, hostname: '127.0.0.1', timeoutMs: 1_000, reporter: reports, signals: true,
    })
    console.log((await server.listening).port)`
  for (const env of [{}, { BAD: '1' }]) {
    const child = spawn(process.execPath, ['--input-type=module', '--eval', code], {
      stdio: 'pipe',
      env: { ...process.env, ...env },
    })
    onTestFinished(() => void child.kill('SIGKILL'))
    const ended = once(child, 'close')
    child.stderr.destroy()
    const [port] = await once(child.stdout, 'data')
    child.stdout.resume()
    for (let count = 0; count < 20; count++) {
      const answer = await fetch(`http://127.0.0.1:${Number(port)}/`)
      expect(answer.status).toBe(500)
      await answer.text()
    }
    child.kill('SIGTERM')
    expect(await ended).toEqual([0, null])
  }
})
