import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { rawClient } from '@curfew/conformance'
import { describe, expect, onTestFinished, test } from 'vitest'
import { WebSocket } from 'ws'
import { startWorker, type Worker, type WorkerOptions } from './start-worker.ts'

const withSignal: WorkerOptions = { flags: ['enable_request_signal'] }

/** In milliseconds: before anybody looks at the client, about then, and afterwards. */
const quickly = [0, 1, 3, 8, 15]

describe.each([
  ['with enable_request_signal', withSignal, true],
  ['without it', {}, false],
] as const)('%s', (_, options, sees) => {
  test('what it sees of clients can be asked for', async () => {
    const { url } = await startWorker('endings', options)
    expect(await json(url, '/sees')).toEqual({ sees })
  })

  test('all that the runtime passes is handed on', async () => {
    const { url } = await startWorker('endings', options)
    expect(await json(url, '/arguments')).toEqual(['object', 'object', 'object'])
  })

  test('a handler that ignores its signal is answered for at the deadline, and runs to its end', async () => {
    const { url, line, lines } = await startWorker('endings', options)
    const response = await fetch(`${url}/deaf`)
    expect([response.status, await response.json()]).toEqual([
      503,
      expect.objectContaining({ code: 'HANDLER_TIMEOUT' }),
    ])
    await line({ event: 'done', path: '/deaf' })
    await line({ event: 'late', kind: 'completed', path: '/deaf' })
    expect(lines.filter(({ event }) => event === 'ending')).toEqual([
      { event: 'ending', kind: 'timed-out', status: 503, path: '/deaf' },
    ])
    expect(await idle(url)).toMatchObject({ active: 0, abandoned: 0 })
  })

  test('work and hooks that outlive the response are kept alive', async () => {
    const { url, line } = await startWorker('endings', options)
    expect(await (await fetch(`${url}/wait-until`)).text()).toBe('before')
    await line({ event: 'ending', kind: 'completed', path: '/wait-until' })
    await line({ event: 'done', path: '/wait-until' })
  })

  test.each(quickly)('clients that reset after %i ms leave nothing that is active', async (ms) => {
    const worker = await startWorker('endings', options)
    const paths = Array.from({ length: 20 }, (_, index) => `/deaf?${index}`)
    await Promise.all(paths.map((path) => leave(worker, path, ms)))
    // Some are gone before there is a request.
    const stats = await idle(worker.url)
    const { 'client-closed': closed, 'timed-out': timedOut } = stats.outcomes
    expect(sees ? timedOut : closed).toBe(0)
    const left = sees ? closed : timedOut
    expect(stats).toMatchObject({ active: 0, abandoned: 0, late: { completed: left } })
    for (const path of paths) {
      expect(worker.lines.filter((line) => line.event === 'ending' && line.path === path).length).toBe(
        worker.lines.filter((line) => line.event === 'done' && line.path === path).length,
      )
    }
  })

  test('a client that resets in a stream that stalls is recorded', async () => {
    const worker = await startWorker('endings', options)
    await leave(worker, '/stalled', 100)
    await worker.line({ event: 'ending', kind: 'client-closed', path: '/stalled' })
    expect(await idle(worker.url)).toMatchObject({ active: 0 })
  })

  test.each(['FIN', 'RST'])('a client that leaves in mid-upload by %s is no failure', async (way) => {
    const worker = await startWorker('endings', options)
    const client = await rawClient({ host: '127.0.0.1', port: worker.port })
    await client.send('POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nhalf')
    await settle(50)
    if (way === 'RST') client.reset()
    else client.destroy()
    await worker.line({ event: 'ending', kind: 'client-closed', path: '/upload' })
    expect(await idle(worker.url)).toMatchObject({ active: 0, outcomes: { failed: 0 } })
  })

  test('a WebSocket is opened, and not guarded', async () => {
    const { url } = await startWorker('endings', options)
    const socket = new WebSocket(`${url}/web-socket`)
    await once(socket, 'open')
    socket.send('hi')
    const [message] = await once(socket, 'message')
    expect(String(message)).toBe('echo hi')
    socket.close()
    expect(await json(url, '/stats')).toMatchObject({ outcomes: { completed: 0 } })
  })

  test('a page that fails half-way under buffer: true is a 500', async () => {
    const { url } = await startWorker('endings', options)
    const response = await fetch(`${url}/buffered`)
    expect(response.status).toBe(500)
    expect(await response.text()).not.toContain('secret')
  })

  test('a body that is handed on keeps its length', async () => {
    const heads: IncomingMessage['headers'][] = []
    const upstream = createServer((request, response) => {
      heads.push(request.headers)
      request.pipe(response)
    }).listen(0, '127.0.0.1')
    onTestFinished(() => void upstream.close())
    await once(upstream, 'listening')
    const UPSTREAM = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`
    const { url } = await startWorker('endings', { ...options, bindings: { UPSTREAM } })
    const response = await fetch(`${url}/proxy`, { method: 'POST', body: 'twelve bytes' })
    expect(await response.text()).toBe('twelve bytes')
    expect(heads).toEqual([expect.objectContaining({ 'content-length': '12' })])
  })
})

test("watch: 'eager' warns once where clients are not seen to leave, and nowhere else", async () => {
  const bindings = { WATCH: 'eager' }
  const [blind, seeing, lazy] = await Promise.all([
    startWorker('endings', { bindings }),
    startWorker('endings', { bindings, ...withSignal }),
    startWorker('endings'),
  ])
  for (const { url } of [blind, seeing, lazy]) for (let i = 0; i < 3; i++) await fetch(`${url}/soon`)
  const warnings = ({ noise }: Worker): number =>
    noise.filter((text) => text.includes('enable_request_signal')).length
  expect([blind, seeing, lazy].map(warnings)).toEqual([1, 0, 0])
})

test('of 500 requests at once a fifth leaves, and each has one ending', async () => {
  const worker = await startWorker('endings', withSignal)
  const { url, lines } = worker
  const statuses = await Promise.all(
    Array.from({ length: 500 }, async (_, index) => {
      if (index % 5 === 0) return leaveOnceStarted(worker, `/deaf?${index}`)
      const response = await fetch(`${url}/${index % 5 === 1 ? 'deaf' : 'soon'}?${index}`)
      await response.text()
      return response.status
    }),
  )
  // On a busy machine a few that are quick may be too late.
  expect(statuses.filter((status) => status === 200 || status === 503)).toHaveLength(400)
  const stats = await idle(url)
  expect(stats).toMatchObject({ active: 0, abandoned: 0, outcomes: { failed: 0 } })
  const endings = (): unknown[] =>
    lines.filter(({ event, path }) => event === 'ending' && path !== '/stats').map(({ path }) => path)
  await expect.poll(() => endings().length, { timeout: 10_000 }).toBe(500)
  expect(new Set(endings()).size).toBe(500)
})

interface StatsJson {
  readonly active: number
  readonly abandoned: number
  readonly outcomes: Readonly<Record<string, number>>
}

async function json(url: string, path: string): Promise<unknown> {
  return (await fetch(`${url}${path}`)).json()
}

/** The numbers once nothing is at work but the question. */
async function idle(url: string): Promise<StatsJson & { outcomes: Record<string, number> }> {
  let stats: StatsJson | undefined
  await expect
    .poll(
      async () => {
        stats = (await json(url, '/stats')) as StatsJson
        return stats.active - 1 + stats.abandoned
      },
      { timeout: 10_000 },
    )
    .toBe(0)
  return { ...stats!, active: stats!.active - 1 }
}

async function leave({ port }: Worker, path: string, afterMs: number): Promise<undefined> {
  const client = await rawClient({ host: '127.0.0.1', port })
  await client.send(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`)
  await settle(afterMs)
  client.reset()
}

async function leaveOnceStarted({ port, line }: Worker, path: string): Promise<undefined> {
  const client = await rawClient({ host: '127.0.0.1', port })
  await client.send(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`)
  await line({ event: 'started', path })
  client.reset()
}

/** When a client leaves is what is tested: there is nothing to wait for. */
function settle(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
