import type { IncomingMessage } from 'node:http'
import { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { ManualClock } from '@curfew/core/testing'
import { describe, expect, onTestFinished, test } from 'vitest'
import { serve } from '../../src/index.ts'
import { get, RawClient } from '../raw-client.ts'
import { deferred, never, startListener, watchOutput } from '../support.ts'

// Who stops reading a body before its end has Node take the socket off the request.

const upload = get('/path', { method: 'POST', headers: ['Content-Length: 8'] })

const ways: Record<string, (request: IncomingMessage) => Promise<unknown>> = {
  async 'a loop that is left'(request) {
    for await (const _ of request) break
  },
  'a pipeline that fails': (request) =>
    pipeline(
      request,
      new Writable({ write: (_chunk, _encoding, done) => done(new Error('too much')) }),
    ).catch(() => {}),
}

/** Its client may go on with the rest of the body, and to the next request. */
async function isReusable(client: RawClient, status = 200): Promise<void> {
  client.send('rest')
  client.send(get('/next'))
  const [, next] = await client.responses(2)
  expect(next).toMatchObject({ status })
}

describe.each(Object.entries(ways))('a body given up by %s', (_, giveUp) => {
  test('and a handler that is late then', async () => {
    const output = watchOutput()
    const clock = new ManualClock()
    const given = deferred<void>()
    const { port, outcomes, stats } = await startListener(
      async (request, response) => {
        if (request.method === 'GET') return response.end()
        await giveUp(request)
        given.resolve()
        return never()
      },
      {
        timeoutMs: 100,
        clock,
        timeoutResponse: (_outcome, { url }) => new URL(url).pathname,
      },
    )
    const client = await RawClient.sending(port, `${upload}half`)
    await given.promise
    await clock.advance(100)
    expect(await client.response()).toMatchObject({ status: 503, body: '/path' })
    expect(await outcomes.first()).toMatchObject({ kind: 'timed-out', phase: 'handling' })
    expect(stats.active).toBe(0)
    await isReusable(client)
    expect(output).toEqual([])
  })

  test('and a handler that throws then', async () => {
    const output = watchOutput()
    const { port, outcomes } = await startListener(async (request) => {
      await giveUp(request)
      throw new RangeError('too much')
    })
    const client = await RawClient.sending(port, `${upload}half`)
    expect(await client.response()).toMatchObject({ status: 500 })
    expect(await outcomes.first()).toMatchObject({ kind: 'failed', error: { message: 'too much' } })
    await isReusable(client, 500)
    expect(output).toEqual([])
  })

  test('and a handler that answers then', async () => {
    const { port, outcomes } = await startListener(async (request, response) => {
      await giveUp(request)
      response.statusCode = 413
      response.end('too much')
    })
    const client = await RawClient.sending(port, `${upload}half`)
    expect(await client.response()).toMatchObject({ status: 413 })
    expect(await outcomes.first()).toMatchObject({ kind: 'completed' })
    await isReusable(client, 413)
  })

  test('and a server that closes then, which ends the connection', async () => {
    const given = deferred<void>()
    const going = deferred<void>()
    const server = serve({
      port: 0,
      hostname: '127.0.0.1',
      timeoutMs: 30_000,
      listener: async (request) => {
        await giveUp(request as IncomingMessage)
        given.resolve()
        await going.promise
        throw new RangeError('too much')
      },
    })
    onTestFinished(() => void server.close({ graceMs: 0 }))
    const { port } = await server.listening
    const client = await RawClient.sending(port, `${upload}half`)
    await given.promise
    const closed = server.close()
    going.resolve()
    const { status, headers } = await client.response()
    expect(status).toBe(500)
    expect(headers).toContainEqual(['connection', 'close'])
    await closed
  })
})
