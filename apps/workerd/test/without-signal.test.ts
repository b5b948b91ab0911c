import { fileURLToPath } from 'node:url'
import { rawClient, startServer } from '@curfew/conformance'
import { expect, onTestFinished, test } from 'vitest'

const limitMs = 400

test.each(['plain', 'hono'])('without the flag %s has its timeouts, and one ending each', async (app) => {
  const server = await startServer({
    command: process.execPath,
    args: [fileURLToPath(new URL('../dist/main.js', import.meta.url))],
    env: { CONFIG: 'withoutSignal', APP: app, LIMIT_MS: String(limitMs), PORT: '0', LOG: 'json' },
  })
  onTestFinished(async () => void (await server.stop()))
  const ending = (path: string) =>
    server.records.waitFor((record) => record.event === 'ending' && record.path === path, path, 5_000)

  const response = await fetch(`${server.url}/long?name=stays`)
  expect(response.status).toBe(503)
  expect(await response.json()).toMatchObject({ code: 'HANDLER_TIMEOUT' })
  expect(await ending('/long?name=stays')).toMatchObject({ kind: 'timed-out' })

  // Nobody tells the worker of it, but what it has begun has an end all the same.
  const client = await rawClient({ host: '127.0.0.1', port: Number(new URL(server.url).port) })
  await client.send('GET /long?name=leaves HTTP/1.1\r\nHost: x\r\n\r\n')
  await server.records.waitFor(
    ({ name, state }) => name === 'leaves' && state === 'started',
    'the call',
    5_000,
  )
  client.reset()
  expect(await ending('/long?name=leaves')).toMatchObject({ kind: 'timed-out' })
  await server.records.waitFor(
    ({ name, state }) => name === 'leaves' && state === 'cancelled',
    'its end',
    5_000,
  )
  await expect
    .poll(async () => (await fetch(`${server.url}/stats`)).json())
    .toMatchObject({ active: 1, abandoned: 0 })
})
