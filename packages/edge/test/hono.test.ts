import { rawClient } from '@curfew/conformance'
import { describe, expect, test } from 'vitest'
import { startWorker, type Worker } from './start-worker.ts'

const flags = ['enable_request_signal']

describe.each([
  ['an app alone', 'no'],
  ['an app under a guard', 'yes'],
])('%s', (_, WRAPPED) => {
  const start = (): Promise<Worker> => startWorker('hono', { flags, bindings: { WRAPPED } })

  test('has its handlers run to their end after a timeout', async () => {
    const { url, line } = await start()
    const response = await fetch(`${url}/deaf`)
    expect(response.status).toBe(503)
    await response.text()
    await line({ event: 'ending', kind: 'timed-out', path: '/deaf' })
    await line({ event: 'done', path: '/deaf' })
    await expectIdle(url)
  })

  test('keeps work alive that outlives the response', async () => {
    const { url, line } = await start()
    expect(await (await fetch(`${url}/wait-until`)).text()).toBe('before')
    await line({ event: 'done', path: '/wait-until' })
  })

  test.each([0, 5, 50])('sees a client that resets after %i ms through', async (ms) => {
    const { url, port, line } = await start()
    await Promise.all(
      Array.from({ length: 10 }, async (_, index) => {
        const client = await rawClient({ host: '127.0.0.1', port })
        await client.send(`GET /deaf?${index} HTTP/1.1\r\nHost: x\r\n\r\n`)
        await new Promise((resolve) => setTimeout(resolve, ms))
        client.reset()
      }),
    )
    if (ms > 20) await line({ event: 'ending', kind: 'client-closed', path: '/deaf?9' })
    await expectIdle(url)
  })

  test('takes half an upload for a client that left', async () => {
    const { url, port, line } = await start()
    const client = await rawClient({ host: '127.0.0.1', port })
    await client.send('POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nhalf')
    await new Promise((resolve) => setTimeout(resolve, 50))
    client.destroy()
    await line({ event: 'ending', kind: 'client-closed', path: '/upload' })
    await expectIdle(url)
  })
})

async function expectIdle(url: string): Promise<void> {
  await expect
    .poll(async () => (await fetch(`${url}/stats`)).json(), { timeout: 10_000 })
    .toMatchObject({ active: 0, abandoned: 0 })
}
