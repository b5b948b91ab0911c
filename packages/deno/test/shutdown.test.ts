import { once } from 'node:events'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { type Running, run } from './support.ts'

let server: Running

async function pending(route: string) {
  const path = server.path(route)
  const client = await server.send(path)
  await server.told('started', path)
  return { path, client }
}

async function streaming(route: string) {
  const path = server.path(route)
  const client = await server.send(path)
  await client.pauseAfter(1)
  client.resume()
  return { path, client }
}

describe('close()', () => {
  beforeEach(async () => {
    server = await run({ LIMIT_MS: '60000', GRACE_MS: '300' })
  })
  afterEach(async () => {
    await server.stop()
    expect(server.stderr()).not.toMatch(/\n\s+at /)
  })

  test('ends idle connections, and lets requests finish', async () => {
    const idle = await server.send(server.path('hello'))
    expect((await idle.response()).status).toBe(200)
    const { client, path } = await pending('until-close')
    await server.control('close')
    expect(await client.response()).toMatchObject({ status: 200, complete: true })
    await idle.closed
    expect(await server.told('closed')).toMatchObject({ finished: 1, shutDown: 0, cutOff: 0, flushed: true })
    await server.told('finished')
    expect(await server.told('ending', path)).toMatchObject({ kind: 'completed' })
    expect(server.count('abort', path)).toBe(0)
    await expect(server.fetch('/hello')).rejects.toThrow()
  })

  test('answers for handlers that do not, and none of them counts as a client that left', async () => {
    const clients = await Promise.all(
      Array.from({ length: 10 }, (_, index) => pending(index % 2 ? 'followed-never' : 'never')),
    )
    await server.control('close')
    for (const { client, path } of clients) {
      expect(await client.response()).toMatchObject({ status: 503, complete: true })
      expect(await server.told('ending', path)).toMatchObject({ kind: 'failed', code: 'SHUTDOWN' })
      if (path.includes('followed'))
        expect(await server.told('abort', path)).toMatchObject({ code: 'SHUTDOWN' })
    }
    expect(await server.told('closed')).toMatchObject({ finished: 0, shutDown: 10, cutOff: 0 })
    for (const { path } of clients) expect(server.count('ending', path)).toBe(1)
  })

  test.each(['marked-stream', 'plain-stream'])('breaks off a stream that is followed: %s', async (route) => {
    const { client, path } = await streaming(route)
    await server.control('close')
    expect(await client.response()).toMatchObject({ status: 200, complete: false })
    expect(await server.told('ending', path)).toMatchObject({
      kind: 'failed',
      phase: 'streaming',
      code: 'SHUTDOWN',
    })
    expect(await server.told('closed')).toMatchObject({ finished: 0, shutDown: 0, cutOff: 1 })
    expect(server.count('ending', path)).toBe(1)
  })

  test('ends WebSockets', async () => {
    const socket = new WebSocket(server.url.replace('http', 'ws') + server.path('ws'))
    await once(socket, 'open')
    const closed = once(socket, 'close')
    await server.control('close')
    await closed
    await server.told('closed')
  })

  test('resolves although a client does not read', async () => {
    const client = await server.raw()
    client.pause()
    for (let index = 0; index < 4; index++) {
      await client.send(`GET ${server.path('large')} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`)
    }
    await server.told('started')
    await server.control('close')
    await server.told('closed')
    client.destroy()
  })
})

describe('close() with notice', () => {
  afterEach(() => server.stop())

  test('is noticed by those who ask and by those who stay', async () => {
    server = await run({ LIMIT_MS: '60000', NOTICE_MS: '2000' })
    const stays = await server.send(server.path('hello'))
    expect((await stays.response()).headers.get('connection')).toBeUndefined()
    expect(await (await server.fetch('/readyz')).text()).toBe('ready\n')
    await server.control('close')
    while ((await server.fetch('/readyz?verbose')).status === 200);
    const ready = await server.fetch('/readyz')
    expect([ready.status, await ready.text()]).toEqual([503, 'stopping\n'])
    expect(ready.headers.get('cache-control')).toBe('no-store')
    expect((await server.fetch('/readyz', { method: 'HEAD' })).status).toBe(503)
    expect(await (await server.fetch('/livez')).text()).toBe('live\n')
    expect((await server.fetch('/readyz', { method: 'POST' })).status).toBe(404)
    await stays.send('GET /hello HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n')
    const { status, headers } = await stays.response()
    expect([status, headers.get('connection')]).toEqual([200, 'close'])
    expect(await server.told('closed')).toMatchObject({ finished: 0, flushed: true })
    expect(server.count('started', '/readyz')).toBe(1)
    expect(server.count('started', '/livez')).toBe(0)
  })
})

describe('the signal of serve()', () => {
  beforeEach(async () => {
    server = await run({ LIMIT_MS: '60000' })
  })
  afterEach(() => server.stop())

  test('ends everything at once, and nobody counts as a client that left', async () => {
    const { path: waiting, client } = await pending('followed-never')
    const { path: streamed } = await streaming('plain-stream')
    await server.control('abort')
    await server.told('finished')
    await client.closed
    for (const path of [waiting, streamed]) {
      expect(await server.told('ending', path)).toMatchObject({ kind: 'failed', code: 'SHUTDOWN' })
      expect(server.count('ending', path)).toBe(1)
    }
    // And after that there is nothing left to close.
    await server.control('close')
    await server.told('closed')
  })
})
