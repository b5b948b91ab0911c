import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Report } from '@curfew/core/report'
import { expect, onTestFinished, test } from 'vitest'
import { startWorker, type WorkerOptions } from './start-worker.ts'

const flags = ['enable_request_signal']

test.each([1, 7])('every request of many at once has its report, in requests of %i', async (batch) => {
  const { url, noise, received } = await startReporting({ flags, bindings: { BATCH: String(batch) } })
  const messages = Array.from({ length: 100 }, (_, index) => `crash ${word(index)}`)
  const failed: string[] = []
  let timedOut = 0
  await Promise.all(
    messages.map(async (message, index) => {
      const path = index % 4 === 0 ? 'slow' : 'crash'
      const response = await fetch(`${url}/${path}?message=${message}&ms=${index % 7}`)
      await response.text()
      // On a busy machine others than the slow ones may be too late.
      if (response.status === 500) failed.push(message)
      else timedOut++
    }),
  )
  expect(timedOut).toBeGreaterThanOrEqual(25)
  const told = (kind: Report['kind']): Report[] => received.filter((report) => report.kind === kind)
  const messagesOf = (reports: readonly Report[]): unknown[] =>
    reports.map(({ error }) => error?.message).sort()
  await expect.poll(() => messagesOf(told('failed')), { timeout: 10_000 }).toEqual(failed.sort())
  await expect.poll(() => told('late').length, { timeout: 10_000 }).toBe(timedOut)
  await expect.poll(() => stats(url)).toMatchObject({ pending: 0, dropped: 0, failed: 0 })
  const { hooks } = await stats(url)
  expect(hooks).toEqual({ webhook: expect.objectContaining({ failed: 0, dropped: 0, pending: 0 }) })
  expect(noise).toEqual([])
})

test('a slow receiver of one request keeps no other from being reported', async () => {
  const { url, received, hold } = await startReporting({ flags })
  const release = hold()
  for (const message of ['one', 'two', 'three', 'four', 'five', 'six']) await crash(url, message)
  release()
  await expect.poll(() => received.length, { timeout: 10_000 }).toBe(6)
})

test('the same crash is counted for a while, and then told again, although its timer is gone', async () => {
  const { url, received } = await startReporting({ flags })
  const isCount = ({ repeatOf }: Report): boolean => repeatOf !== undefined
  // The count is told by a crash that comes later than the while takes.
  await expect
    .poll(
      async () => {
        for (let i = 0; i < 3; i++) await crash(url, 'again')
        return received.some(isCount)
      },
      { timeout: 20_000, interval: 50 },
    )
    .toBe(true)
  const [count] = received.filter(isCount)
  const whole = received.filter((report) => !isCount(report))
  expect(count!.count).toBeGreaterThan(0)
  expect(whole.map(({ id }) => id)).toContain(count!.repeatOf)
  await expect.poll(() => received.filter((report) => !isCount(report)).length).toBeGreaterThan(1)
})

test('what is dropped with one request leaves the reports of others alone', async () => {
  const { url, noise } = await startReporting({ flags, bindings: { ADAPTER: 'none' } })
  for (let index = 0; index < 20; index++) await crash(url, `crash ${word(index)}`)
  expect(noise.join('\n')).not.toMatch(/never settle|different request/)
})

test('a report says where it comes from', async () => {
  const { url, received } = await startReporting({ flags })
  await crash(url, 'somewhere')
  await expect.poll(() => received.length).toBe(1)
  expect(received[0]).toMatchObject({ where: { runtime: { name: 'workerd' } }, request: { method: 'GET' } })
})

async function startReporting({ bindings, ...options }: WorkerOptions) {
  const received: Report[] = []
  let open: Promise<void> = Promise.resolve()
  const receiver = createServer(async (request, response) => {
    const { reports } = JSON.parse(await text(request))
    await open
    received.push(...reports)
    response.end()
  }).listen(0, '127.0.0.1')
  await once(receiver, 'listening')
  onTestFinished(() => {
    receiver.closeAllConnections()
    receiver.close()
  })
  const WEBHOOK = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/reports`
  const worker = await startWorker('reports', { ...options, bindings: { WEBHOOK, ...bindings } })
  return {
    ...worker,
    received,
    /** Keeps the receiver from answering until what it returns is called. */
    hold(): () => void {
      let release!: () => void
      open = new Promise((resolve) => {
        release = resolve
      })
      return release
    },
  }
}

async function crash(url: string, message: string): Promise<void> {
  const response = await fetch(`${url}/crash?message=${message}`)
  expect(response.status).toBe(500)
  await response.text()
}

interface ReporterStatsJson {
  readonly pending: number
  readonly dropped: number
  readonly failed: number
  readonly hooks: Readonly<Record<string, object>>
}

async function stats(url: string): Promise<ReporterStatsJson> {
  return (await (await fetch(`${url}/stats`)).json()) as ReporterStatsJson
}

/** Crashes that differ in nothing but digits are one. */
function word(index: number): string {
  return String.fromCharCode(97 + Math.floor(index / 10), 97 + (index % 10))
}
