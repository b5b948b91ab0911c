import type { Server } from '@curfew/conformance'
import { beforeAll, describe, expect, test } from 'vitest'
import { connect, ending, event, head, startBun, unique } from './support.ts'

const development = { NODE_ENV: 'development' }

async function get(server: Server, path: string, init?: RequestInit) {
  const response = await fetch(server.url + path, init)
  const { status, headers } = response
  return { status, headers, cookies: headers.getSetCookie(), text: await response.text() }
}

describe.each(['guarded', 'unguarded'])('a server that is %s', (which) => {
  let server: Server
  beforeAll(async () => {
    server = await startBun(
      { options: { development: true }, ...(which === 'guarded' && { guard: {} }) },
      development,
    )
  })

  test('routes as Bun does: by parameter, by method, to what is static, and past what is off', async () => {
    expect(await get(server, '/users/7')).toMatchObject({
      status: 200,
      text: JSON.stringify({ id: '7', server: true, isRequest: true }),
    })
    expect(await get(server, '/methods')).toMatchObject({ text: 'of GET' })
    expect(await get(server, '/methods', { method: 'POST' })).toMatchObject({ text: 'static' })
    expect(await get(server, '/static')).toMatchObject({ text: 'static' })
    expect(await get(server, '/off')).toMatchObject({ status: 404 })
    expect(await get(server, '/hello')).toMatchObject({ text: 'hi' })
  })

  test.each(['/cookies/now', '/cookies/later'])('sends the cookies of %s', async (path) => {
    const reply = await get(server, path, { headers: { cookie: 'seen=yes; old=1' } })
    expect(reply).toMatchObject({ status: 200, text: 'yes' })
    expect(reply.cookies).toEqual([
      expect.stringMatching(/^secret=of%20handler%3B%2020%25%C3%A9;.*HttpOnly/),
      expect.stringMatching(/^old=;.*Expires=Thu, 01 Jan 1970/),
    ])
  })

  test.each(['/throw', '/throw-later', '/broken/1', '/nothing', '/nothing-later'])(
    'shows nothing of what %s throws',
    async (path) => {
      const reply = await get(server, path)
      expect(reply.status).toBe(500)
      expect(reply.headers.get('content-type')).toBe('application/problem+json')
      expect(JSON.parse(reply.text)).toMatchObject({ code: 'HANDLER_FAILED' })
      expect(reply.text).not.toContain('secret')
    },
  )

  test('sends a response that was thrown', async () => {
    expect(await get(server, '/throw-response')).toMatchObject({ status: 418, text: 'I am a teapot' })
  })

  test.each(['/upgrade?ms=0', '/upgrade?ms=50', '/socket'])('%s becomes a WebSocket', async (path) => {
    expect(await talk(server, path)).toBe(`${path.split('?')[0]} ping`)
    expect(server.records.all.filter((record) => record.path === path)).toEqual([])
  })
})

describe('a guard', () => {
  let server: Server
  beforeAll(async () => {
    server = await startBun({ guard: { timeoutMs: 200 } })
  })

  test('ends what takes too long, in fetch and in routes', async () => {
    for (const path of [unique('/slow?ms=60000'), unique('/routed-slow?ms=60000')]) {
      const reply = await get(server, path)
      expect(reply.status).toBe(503)
      expect(JSON.parse(reply.text)).toMatchObject({ code: 'HANDLER_TIMEOUT' })
      expect(await ending(server, path)).toMatchObject({ kind: 'timed-out', status: 503 })
    }
  })

  test.each([
    ['/cookies/slow', 503],
    ['/cookies/throw', 500],
  ])('keeps the cookies of %s back', async (path, status) => {
    const reply = await get(server, path)
    expect(reply).toMatchObject({ status, cookies: [] })
  })

  test('tells in its reports which route it was, and on which host', async () => {
    await get(server, '/broken/2')
    const { hostname } = server.listening
    expect(await server.records.waitFor(({ route }) => route === '/broken/:id', 'the report')).toMatchObject({
      where: { hostname, runtime: { name: 'bun' } },
    })
  })

  test('runs the listeners of a signal in the async context of their handler', async () => {
    const left = await connect(server)
    await left.send(head('/context'))
    await fetch(`${server.url}/hello`)
    left.destroy()
    expect(await event(server, 'context')).toMatchObject({ isOwn: true })
    await get(server, '/context')
    const all = server.records.all.filter((record) => record.event === 'context')
    expect(all.map(({ isOwn }) => isOwn)).toEqual([true, true])
  })

  test('lets a handler upgrade after the deadline: a WebSocket is not guarded', async () => {
    expect(await talk(server, '/upgrade?ms=500')).toBe('/upgrade ping')
  })

  test('has answered for one that tries to, without having been asked for a WebSocket', async () => {
    const path = unique('/upgrade?ms=400')
    expect(await get(server, path)).toMatchObject({ status: 503 })
    expect(await ending(server, path)).toMatchObject({ kind: 'timed-out' })
  })
})

test('a server without WebSockets guards those who ask for one as well', async () => {
  const server = await startBun({ guard: { timeoutMs: 200 }, websockets: false })
  const client = await connect(server)
  const path = unique('/slow?ms=60000')
  await client.send(head(path, { Connection: 'Upgrade', Upgrade: 'websocket' }))
  expect(await client.response()).toMatchObject({ status: 503 })
  expect(await ending(server, path)).toMatchObject({ kind: 'timed-out' })
})

test('one guard is around fetch and all routes', async () => {
  const server = await startBun({ guard: { timeoutMs: 60_000, maxConcurrent: 1 } })
  const waiting = await connect(server)
  const path = unique('/signal?ms=60000')
  await waiting.send(head(path))
  // Asked again until the first has reached its handler.
  await expect.poll(() => get(server, '/users/1').then(({ status }) => status)).toBe(503)
  expect(await get(server, '/methods')).toMatchObject({ status: 503 })
  waiting.destroy()
  expect(await ending(server, path)).toMatchObject({ kind: 'client-closed' })
  expect(await get(server, '/methods')).toMatchObject({ status: 200 })
})

test.each([
  ['guarded', { guard: {} }],
  ['unguarded', {}],
])('the error option answers for what is thrown in a server that is %s', async (_which, settings) => {
  const server = await startBun({ ...settings, error: true })
  expect(await get(server, '/throw')).toMatchObject({ status: 502, text: 'error option: secret-of-throw' })
  expect(await get(server, '/broken/1')).toMatchObject({ status: 502, text: 'error option: secret-of-throw' })
  if ('guard' in settings) {
    expect(await ending(server, '/throw')).toMatchObject({ kind: 'failed', status: 500 })
    expect(await event(server, 'report')).toMatchObject({ error: 'Error' })
  }
})

/** What is said back on a WebSocket, which is asked for bit by bit: not every Node.js has a client. */
async function talk(server: Server, path: string): Promise<string> {
  const client = await connect(server)
  const headers = {
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': Buffer.alloc(16, 'k').toString('base64'),
  }
  const switched = client.response()
  await client.send(head(path, headers))
  expect(await switched).toMatchObject({ status: 101 })
  // Frames of a client are masked, here by zeros; that of a close comes back and ends the connection.
  const frame = (opcode: number, text: string) =>
    Buffer.concat([Buffer.from([0x80 | opcode, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)])
  await client.send(Buffer.concat([frame(1, 'ping'), frame(8, '')]))
  const said = await client.rest()
  return said.subarray(2, 2 + said[1]!).toString()
}
