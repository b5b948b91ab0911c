import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { startServer } from '../../conformance/src/start-server.ts'

const file = fileURLToPath(new URL('contain/server.js', import.meta.url))

test('a crash is the affair of onError and of its request alone', async () => {
  const server = await startServer({ command: process.execPath, args: [file] })
  onTestFinished(async () => void (await server.stop()))
  const ask = (path: string) => fetch(new URL(path, server.url), { headers: { origin: 'http://a' } })
  for (const name of ['timer', 'detached']) {
    const [crashed, ...others] = await Promise.all([
      ask(`/${name}`),
      ...Array.from({ length: 50 }, () => ask('/hello')),
    ])
    expect(crashed.status).toBe(500)
    expect(await crashed.json()).toEqual({ sorry: name })
    expect(crashed.headers.get('access-control-allow-origin')).toBe('*')
    expect(crashed.headers.has('x-secret')).toBe(false)
    for (const other of others) expect(await other.text()).toBe('hello')
    await server.records.waitFor(
      ({ path, kind, escaped }) => path === `/${name}` && kind === 'failed' && escaped === true,
      `the failure of /${name}`,
    )
  }
  await server.stop()
  expect(server.stderr()).toBe('')
})
