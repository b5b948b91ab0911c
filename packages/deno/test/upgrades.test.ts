import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { type Running, run } from './support.ts'

const handshake = {
  Upgrade: 'websocket',
  Connection: 'Upgrade',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': randomBytes(16).toString('base64'),
}

/** Says hello over a WebSocket, and gives back what is said to that. */
function talk({ url }: Running, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(new URL(path, url.replace('http', 'ws')))
    socket.on('open', () => socket.send('hello'))
    socket.on('message', (data) => {
      resolve(String(data))
      socket.close()
    })
    socket.on('error', reject)
  })
}

async function statusOf(server: Running, path: string, headers: Record<string, string> = handshake) {
  const client = await server.send(path, headers)
  const { status } = await client.response()
  client.destroy()
  return status
}

async function expectAlive(server: Running): Promise<void> {
  expect(await (await server.fetch(server.path('hello'))).text()).toBe('hi')
  expect(server.stderr()).not.toContain('Upgrade response was not returned')
}

const modes = ['serve', 'guard', 'unguarded']

describe.each(modes)('an upgrade, %s', (MODE) => {
  let server: Running
  beforeAll(async () => {
    server = await run({ MODE, LIMIT_MS: '300' })
  })
  afterAll(() => server.stop())

  test.each(['ws', 'ws-later', 'ws-followed'])(
    '%s: the WebSocket of the handler opens, and works',
    async (route) => {
      const path = server.path(route)
      expect(await talk(server, path)).toBe('echo hello')
      if (MODE !== 'unguarded') expect(await server.told('ending', path)).toMatchObject({ kind: 'completed' })
      await expectAlive(server)
    },
  )

  // Bare Deno stops to listen after each of these.
  test.each([
    ['ws-throws', 500],
    ['ws-rejects', 500],
    ['ws-other', 200],
    ['ws-nothing', 500],
  ])('%s: whatever comes instead of the WebSocket is sent, and the server lives', async (route, status) => {
    const path = server.path(route)
    expect(await statusOf(server, path)).toBe(status)
    const kind = status === 200 ? 'completed' : 'failed'
    if (MODE !== 'unguarded') expect(await server.told('ending', path)).toMatchObject({ kind })
    await expectAlive(server)
  })

  test('a client that leaves its handshake stops nothing', async () => {
    for (const route of ['ws-later', 'ws-rejects', 'ws-never']) {
      const path = server.path(route)
      const client = await server.send(path, handshake)
      await server.told('started', path)
      client.reset()
      await client.closed
    }
    await expectAlive(server)
  })

  test.each([
    ['none', {}],
    ['one to another protocol', { Upgrade: 'h2c', Connection: 'Upgrade' }],
    ['one without a key', { Upgrade: 'websocket', Connection: 'Upgrade' }],
  ])('a handler that wants to upgrade a request that asks for %s has failed', async (_, headers) => {
    const path = server.path('ws')
    expect(await statusOf(server, path, headers as Record<string, string>)).toBe(500)
    if (MODE !== 'unguarded') expect(await server.told('ending', path)).toMatchObject({ kind: 'failed' })
    await expectAlive(server)
  })

  test('one that names other protocols beside it is one', async () => {
    expect(await statusOf(server, server.path('ws-later'), { ...handshake, Upgrade: 'foo, WebSocket' })).toBe(
      101,
    )
    await expectAlive(server)
  })
})

describe.each(['serve', 'guard'])('a handshake, %s', (MODE) => {
  let server: Running
  beforeAll(async () => {
    server = await run({ MODE, LIMIT_MS: '300' })
  })
  afterAll(() => server.stop())

  test('one that never comes is a timeout, and the server lives', async () => {
    const path = server.path('ws-never')
    expect(await statusOf(server, path)).toBe(503)
    expect(await server.told('ending', path)).toMatchObject({ kind: 'timed-out' })
    await expectAlive(server)
  })

  test('to ask for a WebSocket is no way around the deadline', async () => {
    expect(await statusOf(server, server.path('never'))).toBe(503)
    await expectAlive(server)
  })
})

describe('an upgrade under curfew() in Hono', () => {
  let server: Running
  beforeAll(async () => {
    server = await run({ MODE: 'hono', LIMIT_MS: '300' })
  })
  afterAll(() => server.stop())

  test('the WebSocket of the handler opens, and works', async () => {
    const path = server.path('ws')
    expect(await talk(server, path)).toBe('echo hello')
    expect(await server.told('ending', path)).toMatchObject({ kind: 'completed', status: 101 })
    await expectAlive(server)
  })

  test.each([
    ['ws-throws', 500, 'failed'],
    ['ws-never', 503, 'timed-out'],
  ])('%s: whatever comes instead is sent, and the server lives', async (route, status, kind) => {
    const path = server.path(route)
    expect(await statusOf(server, path)).toBe(status)
    expect(await server.told('ending', path)).toMatchObject({ kind })
    await expectAlive(server)
  })

  test('a middleware that cannot set its headers in a handshake does not stop the server', async () => {
    await statusOf(server, server.path('with-cors/ws'))
    await expectAlive(server)
  })

  test('a request that asks for none is no failure', async () => {
    expect(await statusOf(server, server.path('ws'), {})).toBe(404)
    await expectAlive(server)
  })
})

test('a WebSocket is refused where there is no room, and the server lives', async () => {
  const server = await run({ MODE: 'busy' })
  try {
    const waiting = server.path('never')
    const client = await server.send(waiting)
    await server.told('started', waiting)
    const path = server.path('ws')
    expect(await statusOf(server, path)).toBe(503)
    expect(await server.told('ending', path)).toMatchObject({ kind: 'rejected' })
    client.destroy()
    await server.told('ending', waiting)
    expect(await talk(server, server.path('ws'))).toBe('echo hello')
    await expectAlive(server)
  } finally {
    await server.stop()
  }
})

test('one that is on its way when the server stops is answered, and the server ends', async () => {
  const server = await run({ LIMIT_MS: '60000' })
  try {
    const path = server.path('ws-never')
    const client = await server.send(path, handshake)
    await server.told('started', path)
    await server.control('close')
    expect((await client.response()).status).toBe(503)
    expect(await server.told('ending', path)).toMatchObject({ kind: 'failed', code: 'SHUTDOWN' })
    await server.told('closed')
  } finally {
    await server.stop()
  }
})
